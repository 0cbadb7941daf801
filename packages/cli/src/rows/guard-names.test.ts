import fc from 'fast-check'
import { expect, it } from 'vitest'
import { GUARD_PREFIX, guardName } from './guard-names.ts'

it('names a guard by its table and column', () => {
  expect(guardName('Patient', 'email')).toBe('envelope_guard_Patient_email')
})

it('keeps to what PostgreSQL takes for a name, and tells long columns apart', () => {
  const long = 'x'.repeat(63)
  const names = [`${long.slice(1)}1`, `${long.slice(1)}2`].map((column) => guardName(long, column))
  expect(new Set(names).size).toBe(2)
  for (const name of names) expect(Buffer.byteLength(name)).toBe(63)
})

it('splits no character, and gives each column of a table a name of its own', () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(name, fc.uniqueArray(name, { minLength: 2, maxLength: 5 }), (table, columns) => {
      const names = columns.map((column) => guardName(table, column))
      expect(new Set(names).size).toBe(columns.length)
      for (const one of names) {
        expect(one.startsWith(GUARD_PREFIX)).toBe(true)
        expect(Buffer.byteLength(one)).toBeLessThanOrEqual(63)
        expect(one).not.toMatch(/\p{Surrogate}/u)
      }
    }),
  )
})
