import { fieldSetId } from 'prisma-envelope/rows'
import { expect, test } from 'vitest'
import type { Field } from '../rows/table.ts'
import { knownFieldSets } from './field-sets.ts'

const fieldsOf = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `f${i}`, identity: `i${i}` }) as Field)
const idOf = (fields: readonly Field[]) => fieldSetId(fields.map(({ identity }) => identity))

test('knows every subset of a few fields', () => {
  const fields = fieldsOf(10)
  const sets = knownFieldSets(fields)
  expect(sets.size).toBe(1023)
  const some = [1, 4, 9].map((i) => fields[i] as Field)
  expect(sets.get(idOf(some))).toEqual(some)
})

test.each([
  [11, 1 + 11 + 11 + 55],
  [40, 1 + 40 + 40 + 780],
  [200, 1 + 200 + 200],
])('knows the likely ones of %i fields', (count, known) => {
  const fields = fieldsOf(count)
  const sets = knownFieldSets(fields)
  expect(sets.size).toBe(known)
  for (const likely of [fields, fields.slice(1), fields.slice(0, 1)]) expect(sets.get(idOf(likely))).toEqual(likely)
})
