import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fieldSet, fieldSetId } from './field-set.ts'

test('an id does not depend on the order of the identities', () => {
  expect(fieldSetId(['b', 'a', 'ab'])).toBe(fieldSetId(['ab', 'b', 'a']))
})

test('ids of different sets differ, also where their texts run together', () => {
  const sets = [[], [''], ['a'], ['a', 'b'], ['ab'], ['a', 'bc'], ['ab', 'c'], ['a,b'], ['"a","b"']]
  expect(new Set(sets.map(fieldSetId)).size).toBe(sets.length)
})

test('identities are sorted by their UTF-8, not by their UTF-16', () => {
  expect(fieldSet(['\u{1F512}', '\uFF21', '10', '9']).identities).toEqual(['10', '9', '\uFF21', '\u{1F512}'])
})

test('asking again gives the same answer, whatever was asked in between', () => {
  const lists = fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 })
  fc.assert(
    fc.property(fc.array(lists, { maxLength: 20 }), (all) => {
      const first = all.map(fieldSetId)
      expect(all.map(fieldSetId)).toEqual(first)
      for (const id of first) expect(id).toMatch(/^[A-Za-z0-9_-]{8}$/)
    }),
    { numRuns: 30 },
  )
})

test('a list that the caller changes afterwards does not change the memo', () => {
  const list = ['a', 'b']
  const before = fieldSetId(list)
  list.push('c')
  expect(fieldSetId(list)).not.toBe(before)
  expect(fieldSetId(['a', 'b'])).toBe(before)
})
