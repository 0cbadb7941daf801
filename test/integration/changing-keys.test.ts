import { describe, expect, test } from 'vitest'
import type { Prisma as Types } from '../generated/7/client/client.ts'
import { Prisma } from '../support/client.ts'
import type { EncryptedClient } from '../support/encrypted-client.ts'
import { seedHospital } from '../support/hospital.ts'
import { failureOf } from '../support/refused.ts'
import { createTwins, type Nulls } from '../support/twins.ts'
import { outcomeOf } from '../support/written.ts'

const { prisma, twin, twinNulls, sql, twinSql, client } = await createTwins('changing_keys')
await seedHospital(prisma)
await seedHospital(twin, twinNulls)

type Call = (db: EncryptedClient, nulls: Nulls) => Promise<unknown>

const everything: Call = async (db) => [
  await db.patient.findMany({ include: { conditions: { orderBy: { id: 'asc' } }, profile: true }, orderBy: { id: 'asc' } }),
  await db.member.findMany({ include: { tenant: true }, orderBy: { id: 'asc' } }),
]

/** Runs each call on both clients: same result, same rows afterwards, for a client with empty caches, too. */
function changesLikePlain(calls: Record<string, Call>): void {
  test.each(Object.entries(calls))('%s', async (_, call) => {
    const expected = await outcomeOf(() => call(twin, twinNulls))
    expect(expected).toMatch(/^returned (?!\[\]|null)/)
    expect(await outcomeOf(() => call(prisma, Prisma))).toBe(expected)
    expect(await outcomeOf(() => everything(client(), Prisma))).toBe(await outcomeOf(() => everything(twin, twinNulls)))
  })
}

describe('a key that bound foreign keys follow changes, and the rows that follow it are sealed for it:', () => {
  changesLikePlain({
    'one of a row': (db) => db.patient.update({ where: { id: 'ada' }, data: { id: 'ada of old' } }),
    'one that a row below has for its own key, beside encrypted fields and nested writes': (db) =>
      db.patient.update({
        where: { id: 'ada of old' },
        data: { id: { set: 'ada' }, notes: 'moved', profile: { update: { bio: 'moved' } } },
        include: { profile: true, conditions: { orderBy: { id: 'asc' } } },
      }),
    'one of a model without encrypted fields': (db) =>
      db.tenant.update({
        where: { id: 1 },
        data: { id: 9 } as Types.TenantUpdateInput,
        include: { members: { orderBy: { id: 'asc' } } },
      }),
    'one of many rows': (db) => db.tenant.updateMany({ where: { id: 9 }, data: { id: { decrement: 8 } } }),
    'in an upsert': (db) =>
      db.tenant.upsert({ where: { id: 1 }, create: { name: 'T' }, update: { id: 8 } as Types.TenantUpdateInput }),
    'in a nested update': (db) =>
      db.member.update({
        where: { id: 'm1' },
        data: { nickname: 'n', tenant: { update: { id: 1 } as Types.TenantUpdateInput } },
      }),
    'and what is found by tokens of that scope': (db) =>
      db.member.findUnique({ where: { tenantId_email: { tenantId: 1, email: 'fay@example.org' } } }),
  })

  test('all or nothing', async () => {
    const call: Call = (db) => db.patient.update({ where: { id: 'ada' }, data: { id: 'bob', notes: 'lost' } })
    expect(await failureOf(sql, () => call(prisma, Prisma))).toMatchObject({ code: 'P2002' })
    expect(await failureOf(twinSql, () => call(twin, twinNulls))).toMatchObject({ code: 'P2002' })
  })
})
