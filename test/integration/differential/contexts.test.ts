import type { ContextOf } from 'prisma-envelope'
import { expect, test } from 'vitest'
import { keyStore } from '../../support/client.ts'
import { compareWithPlain, patience, runs, seed } from './compare.ts'

const CONTEXTS = [undefined, { tenant: 'north' }, { tenant: 'south' }]
const given = new Set<unknown>()

/** One of two contexts, or none, by all that a row is bound to: where that changes, the row moves to another one. */
const context: ContextOf = ({ bound }) => {
  const sum = Buffer.from(Object.values(bound).join()).reduce((total, byte) => total + byte, 0)
  const own = CONTEXTS[sum % CONTEXTS.length]
  given.add(own)
  return own
}

test(`does what plain Prisma does where rows are under contexts and keys in a key store, in ${runs} histories from seed ${seed}`, {
  timeout: patience,
}, async () => {
  const options = { context, keyStore }
  await compareWithPlain({ clients: ['strict'], starter: 'strict', hides: true, forms: false, options })
  expect(given).toEqual(new Set(CONTEXTS))
})
