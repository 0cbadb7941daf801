import { expect, it } from 'vitest'
import { mentions, withoutNullTests } from './indexes.ts'

it.each([
  ['lower(email)', 'email', true],
  ['lower("fullName")', 'fullName', true],
  ['lower("fullName")', 'full', false],
  ['lower(email_address)', 'email', false],
  ['lower(e.mail)', 'e.mail', true],
  ['lower(exmail)', 'e.mail', false],
])('%s mentions %s: %j', (expression, column, expected) => {
  expect(mentions(expression, column)).toBe(expected)
})

it.each([
  ['(notes IS NOT NULL)', 'notes', false],
  ['((notes IS NULL) AND ("fullName" IS NOT NULL))', 'fullName', false],
  [`((notes IS NOT NULL) AND (notes = 'x'::text))`, 'notes', true],
])('beyond NULL, %s depends on %s: %j', (predicate, column, expected) => {
  expect(mentions(withoutNullTests(predicate, column), column)).toBe(expected)
})
