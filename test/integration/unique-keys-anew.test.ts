import { expect, test } from 'vitest'
import { createTwins } from '../support/twins.ts'

const { prisma, twin } = await createTwins('unique-keys-anew')
test('a row that is sealed anew for its new parent is as unique as in plain Prisma', async () => {
  const outcomes: unknown[] = []
  for (const db of [twin, prisma] as const) {
    await db.tenant.create({ data: { id: 1, name: 'a', members: { create: { id: 'm1', email: 'a@b' } } } })
    await db.tenant.create({ data: { id: 2, name: 'b', members: { create: { id: 'm2', email: 'a@b' } } } })
    const failure = await db.tenant
      .update({ where: { id: 1 }, data: { members: { connect: { id: 'm2' } } } })
      .catch((error: unknown) => error)
    const { name, code, meta } = failure as { name: string; code: string; meta: object }
    outcomes.push(
      JSON.parse(
        JSON.stringify({ name, code, meta }, (_key, value: unknown) => (value instanceof Error ? { cause: value.cause } : value)),
      ),
    )
  }
  expect(outcomes[0]).toMatchObject({ code: 'P2002' })
  expect(outcomes[1]).toEqual(outcomes[0])
})
