import { expect, test } from 'vitest'
import { deepFrozen } from '../../support/refused.ts'
import { createTwins } from '../../support/twins.ts'
import { outcomeOf, rolledBack } from '../../support/written.ts'
import { calls, everyone, run, seedPeople } from './calls.ts'

const { prisma, twin } = await createTwins('frozen')
await seedPeople(prisma)
await seedPeople(twin)

test.each(Object.entries(calls))('%s takes frozen arguments, and leaves them as they are', async (_, call) => {
  const args = deepFrozen(structuredClone(call.args))
  const outcome = await rolledBack(prisma, async (tx) => [await run(tx, { ...call, args }), await everyone(tx)])
  expect(outcome).toMatch(/^returned /)
  expect(outcome).toBe(await rolledBack(twin, async (tx) => [await run(tx, call), await everyone(tx)]))
  expect(args).toEqual(call.args)
})

test('a batch takes frozen arguments, also where its operations take several queries', async () => {
  const args = [
    deepFrozen({
      where: { id: 'ann' },
      data: { name: 'Frozen', letters: { update: { where: { id: 1 }, data: { body: 'Frozen' } } } },
    }),
    deepFrozen({ where: { id: 'bea' }, data: { age: 1 } }),
  ]
  const before = structuredClone(args)
  const batch = (db: typeof prisma) => db.$transaction(args.map((given) => db.person.update(given)))
  expect(await outcomeOf(() => batch(prisma))).toBe(await outcomeOf(() => batch(twin)))
  expect(args).toEqual(before)
})
