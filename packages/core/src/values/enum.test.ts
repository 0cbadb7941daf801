import { expect, it } from 'vitest'
import { codecOf } from './test-codec.ts'

const codec = codecOf('Enum', undefined, { values: { calm: 'calm', very_glad: 'very glad', sad: 'calm?' } })

it("keeps the database's name, and gives back Prisma's", () => {
  expect(codec.encode('very_glad')).toBe('very glad')
  expect(codec.decode('very glad')).toBe('very_glad')
})

it.each(['very glad', 'nope', '', 'constructor', '__proto__', 1, ['calm']])('refuses %j, naming the values', (value) => {
  expect(() => codec.encode(value)).toThrow(/give one of calm, very_glad, sad/)
})

it.each(['very_glad', 'sad', 'constructor', 1])('does not open %j', (json) => {
  expect(() => codec.decode(json)).toThrow(expect.objectContaining({ code: 'CANNOT_OPEN' }))
})
