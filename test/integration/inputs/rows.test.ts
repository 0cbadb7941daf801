import { describe, expect, test } from 'vitest'
import type { Prisma as Types } from '../../generated/7/client/client.ts'
import { Prisma } from '../../support/client.ts'
import type { EncryptedClient } from '../../support/encrypted-client.ts'
import { HOUSE, seedHospital } from '../../support/hospital.ts'
import { createWatchedClient } from '../../support/query-log.ts'
import { failureOf } from '../../support/refused.ts'
import { createTwins, type Nulls } from '../../support/twins.ts'
import { outcomeOf, rolledBack } from '../../support/written.ts'
import { seedPeople } from './calls.ts'

const twins = await createTwins('rows')
const { prisma, twin, twinNulls, sql, client } = twins
await seedHospital(prisma)
await seedHospital(twin, twinNulls)
await seedPeople(prisma)
await seedPeople(twin)

type Call = (db: EncryptedClient, nulls: Nulls) => Promise<unknown>

/** Asks both clients, in transactions that leave nothing, and wants the same answer; a client with empty caches gives it, too. */
function doesLikePlain(calls: Record<string, Call>): void {
  test.each(Object.entries(calls))('%s', async (_, call) => {
    const expected = await rolledBack(twin, (tx) => call(tx, twinNulls))
    expect(expected).toMatch(/^returned /)
    expect(await rolledBack(prisma, (tx) => call(tx, Prisma))).toBe(expected)
    expect(await rolledBack(client(), (tx) => call(tx, Prisma))).toBe(expected)
  })
}

const byId = { orderBy: { id: 'asc' } } as const

describe('the same model, twice in one result:', () => {
  doesLikePlain({
    'both sides of a relation to itself': (db) => db.person.findMany({ ...byId, include: { boss: true, staff: byId } }),
    'both sides of a relation of many to many to itself': (db) =>
      db.person.findMany({ ...byId, include: { friends: byId, friendOf: byId } }),
    'one and the same row at several places': (db) =>
      db.person.findUnique({
        where: { id: 'bea' },
        include: { boss: { include: { staff: byId } }, badge: { include: { owner: true } } },
      }),
    'with different fields at each place': (db) =>
      db.person.findMany({
        ...byId,
        select: {
          name: true,
          boss: { select: { email: true } },
          staff: { ...byId, omit: { email: true } },
          friends: { select: { age: true } },
        },
      }),
    'in several operations of one batch': (db) =>
      Promise.all([
        db.person.findUnique({ where: { id: 'ann' } }),
        db.person.findUnique({ where: { email: 'ann@x.org' }, include: { boss: true } }),
      ]),
    'after a write of both places': (db) =>
      db.person.update({
        where: { id: 'bea' },
        data: {
          name: 'New Bea',
          boss: { update: { name: 'New Ann', friends: { update: { where: { id: 'bea' }, data: { age: 5 } } } } },
        },
        include: { boss: { include: { staff: byId } } },
      }),
  })
})

describe('includes back to the root:', () => {
  doesLikePlain({
    'of one row': (db) =>
      db.person.findUnique({
        where: { email: 'ann@x.org' },
        include: {
          locker: { include: { owner: { include: { locker: { select: { code: true, owner: { select: { name: true } } } } } } } },
        },
      }),
    'of many rows, through several models': (db) =>
      db.club.findMany({
        orderBy: { region: 'asc' },
        include: {
          memberships: {
            orderBy: { personId: 'asc' },
            include: { person: { include: { memberships: { include: { club: true } } } }, club: true },
          },
        },
      }),
    'from a new row': (db) =>
      db.badge.create({
        data: { motto: 'Back', owner: { connect: { id: 'cid' } } },
        include: { owner: { include: { badge: { include: { owner: true } } } } },
      }),
    'from a row that a transaction of several statements updates': (db) =>
      db.locker.update({
        where: { id: 'l1' },
        data: { code: 'back', owner: { update: { name: 'Back' } } },
        include: { owner: { include: { locker: { include: { owner: true } } } } },
      }),
  })
})

describe('relations that are null:', () => {
  doesLikePlain({
    'in reads': async (db) => [
      await db.locker.findMany({ ...byId, include: { owner: { include: { boss: true } } } }),
      await db.person.findMany({
        ...byId,
        select: { badge: true, locker: { select: { code: true } }, boss: { select: { boss: { select: { name: true } } } } },
      }),
      await db.letter.findMany({ ...byId, where: { author: null }, include: { author: { include: { locker: true } } } }),
    ],
    'in conditions': async (db) => [
      await db.locker.findMany({ where: { owner: { is: null } } }),
      await db.person.findMany({ ...byId, where: { locker: null, boss: { isNot: null } } }),
      await db.person.count({ where: { NOT: { badge: null } } }),
    ],
    'by the fluent API': async (db) => [
      await db.locker
        .findUnique({ where: { id: 'l2' } })
        .owner()
        .boss(),
      await db.person.findUnique({ where: { id: 'cid' } }).badge(),
    ],
    'in results of writes': async (db) => [
      await db.locker.update({ where: { id: 'l2' }, data: { code: 'new' }, include: { owner: true } }),
      await db.locker.update({
        where: { id: 'l1' },
        data: { code: 'none', owner: { disconnect: true } },
        include: { owner: true },
      }),
      await db.locker.upsert({
        where: { id: 'l2' },
        create: { id: 'l2', code: 'never' },
        update: { code: 'again' },
        include: { owner: true },
      }),
      await db.locker.delete({ where: { id: 'l2' }, include: { owner: true } }),
    ],
    'in nested writes that find nothing to do': (db) =>
      db.person.update({
        where: { id: 'cid' },
        data: {
          name: 'Still Cid',
          locker: { upsert: { create: { id: 'l7', code: 'made' }, update: { code: 'never' } } },
          letters: { updateMany: { where: {}, data: { body: 1 } } },
        },
        include: { locker: true, letters: true },
      }),
  })

  test('in a nested update are Prisma’s own error', async () => {
    const call: Call = (db) => db.person.update({ where: { id: 'cid' }, data: { name: 'X', badge: { update: { motto: 'X' } } } })
    expect(await outcomeOf(() => call(prisma, Prisma))).toBe(await outcomeOf(() => call(twin, twinNulls)))
  })
})

describe('an envelope column of another name', () => {
  const read = (db: EncryptedClient) =>
    db.contact.findMany({ ...byId, select: { id: true, email: true, backupEmail: true, familyName: true, street: true } })
  const row = { email: 'new@example.org', familyName: 'New', street: 'Newer' }
  const writes: Record<string, Call> = {
    create: (db) => db.contact.create({ data: { ...row, id: 100 } as Types.ContactCreateInput }),
    'createMany and createManyAndReturn': async (db) => [
      await db.contact.createMany({ data: [{ ...row, id: 101 }] }),
      await db.contact.createManyAndReturn({ data: [{ ...row, id: 102 }], select: { street: true } }),
    ],
    'update of one field and of all': async (db) => [
      await db.contact.update({ where: { id: 1 }, data: { street: 'Elsewhere' } }),
      await db.contact.update({ where: { id: 2 }, data: { ...row, backupEmail: null } }),
    ],
    'updateMany and updateManyAndReturn': async (db) => [
      await db.contact.updateMany({ where: { backupEmail: 'hal@example.org' }, data: { street: 'Same' } }),
      await db.contact.updateManyAndReturn({ where: { id: 3 }, data: { familyName: 'Ivy' } }),
    ],
    'upsert, both ways': async (db) => [
      await db.contact.upsert({ where: { id: 1 }, create: row, update: { familyName: 'Upserted' } }),
      await db.contact.upsert({ where: { id: 103 }, create: { ...row, id: 103 } as Types.ContactCreateInput, update: {} }),
    ],
    'nested writes': (db) =>
      db.patient.update({
        where: { id: 'ada' },
        data: {
          conditions: {
            update: { where: { id: 1 }, data: { description: 'nested' } },
            updateMany: { where: { severity: 5 }, data: { code: 'Z' } },
          },
        },
        include: { conditions: { orderBy: { startedAt: 'asc' } } },
      }),
    delete: (db) => db.contact.delete({ where: { id: 1 } }),
  }
  doesLikePlain(
    Object.fromEntries(
      Object.entries(writes).map(([title, write]) => [title, async (db, nulls) => [await write(db, nulls), await read(db)]]),
    ),
  )

  test('is written where the schema says', async () => {
    const rows = await sql(`SELECT envelope_v1 ->> 'v' AS version FROM "Contact"`)
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.every(({ version }) => version === '1')).toBe(true)
  })
})

describe('a `where` with only an encrypted field:', () => {
  const where = { ssn: '111-11-1111' }
  doesLikePlain({
    'findMany, findFirst and count': async (db) => [
      await db.patient.findMany({ where, ...byId }),
      await db.patient.findFirst({ where, ...byId }),
      await db.patient.count({ where }),
    ],
    'findUnique and delete': async (db) => [
      await db.patient.findUnique({ where: { email: 'ada@example.org' } }),
      await db.patient.delete({ where: { email: 'ada@example.org' } }),
    ],
    update: (db) =>
      db.patient.update({ where: { email: 'ada@example.org' }, data: { email: 'moved@example.org', notes: 'moved' } }),
    'updateMany and deleteMany': async (db) => [
      await db.patient.updateMany({ where, data: { ssn: '3', notes: 'n' } }),
      await db.patient.deleteMany({ where: { ssn: '3' } }),
      await db.patient.findMany(byId),
    ],
    'groupBy and aggregate': async (db) => [
      await db.patient.groupBy({ by: ['ward'], where, _count: true, orderBy: { ward: 'asc' } }),
      await db.patient.aggregate({ where, _count: true }),
    ],
    null: async (db) => [
      await db.patient.findMany({ where: { ssn: null }, ...byId }),
      await db.patient.count({ where: { fullName: { not: undefined } } }),
      await db.patient.count({ where: { notes: { not: null } } }),
    ],
    'in relations and in counts of them': async (db) => [
      await db.doctor.findMany({
        ...byId,
        include: { patients: { where, ...byId }, _count: { select: { patients: { where } } } },
      }),
      await db.doctor.count({ where: { patients: { some: where } } }),
    ],
  })
})

describe('a `select` of only a relation:', () => {
  const select = { conditions: { orderBy: { startedAt: 'asc' }, select: { description: true } } } as const
  const created = { email: 's@example.org', fullName: 'S', ward: 'S' }
  doesLikePlain({
    'in reads': async (db) => [
      await db.patient.findMany({ ...byId, select }),
      await db.patient.findUnique({ where: { email: 'ada@example.org' }, select }),
      await db.condition.findMany({ ...byId, select: { patient: { select: { doctor: { select: { name: true } } } } } }),
      await db.tag.findMany({ ...byId, select: { patients: { ...byId, select: { profile: true } } } }),
    ],
    create: (db) =>
      db.patient.create({ data: { ...created, id: 's', conditions: { create: { code: 's', description: 's' } } }, select }),
    createManyAndReturn: (db) =>
      db.condition.createManyAndReturn({
        data: [{ patientId: 'ada', code: 's', description: 's' }],
        select: { patient: { select: { notes: true } } },
      }),
    'update in one statement and in several': async (db) => [
      await db.patient.update({ where: { id: 'ada' }, data: { notes: 's' }, select }),
      await db.patient.update({
        where: { id: 'ada' },
        data: { notes: 's', conditions: { updateMany: { where: {}, data: { description: 'every' } } } },
        select,
      }),
    ],
    updateManyAndReturn: (db) =>
      db.condition.updateManyAndReturn({
        where: { patientId: 'ada' },
        data: { description: 's' },
        select: { patient: { select: { fullName: true } } },
      }),
    'upsert and delete': async (db) => [
      await db.patient.upsert({ where: { email: 'ada@example.org' }, create: created, update: { notes: 'u' }, select }),
      await db.patient.delete({ where: { id: 'ada' }, select: { doctor: { select: { name: true } } } }),
    ],
  })
})

describe('an empty createMany', () => {
  doesLikePlain({
    'inserts nothing': async (db) => [
      await db.patient.createMany({ data: [] }),
      await db.patient.createManyAndReturn({ data: [] }),
      await db.patient.createMany({ data: [], skipDuplicates: true }),
      await db.patient.update({
        where: { id: 'ada' },
        data: { conditions: { createMany: { data: [] } } },
        include: { conditions: { select: { code: true } } },
      }),
      await db.tenant.create({
        data: { id: 90, name: 'T', members: { createMany: { data: [], skipDuplicates: true } } } as Types.TenantCreateInput,
        include: { members: true },
      }),
      await db.patient.count(),
    ],
  })
})

describe('skipDuplicates on tokens', () => {
  const rows = [
    { id: 'one', email: 'ada@example.org', fullName: 'Twin of Ada', ward: 'T' },
    { id: 'two', email: 'two@example.org', fullName: 'Two', ward: 'T' },
    { id: 'three', email: 'two@example.org', fullName: 'Twin of Two', ward: 'T' },
  ]
  const added = (db: EncryptedClient) => db.patient.findMany({ where: { ward: 'T' }, ...byId, omit: { createdAt: true } })
  doesLikePlain({
    createMany: async (db) => [await db.patient.createMany({ data: rows, skipDuplicates: true }), await added(db)],
    createManyAndReturn: async (db) => [
      await db.patient.createManyAndReturn({ data: rows, skipDuplicates: true, select: { id: true, fullName: true } }),
      await added(db),
    ],
    'nested createMany': async (db) => [
      await db.doctor.update({
        where: { id: HOUSE },
        data: { patients: { createMany: { data: rows, skipDuplicates: true } } },
        select: { name: true },
      }),
      await added(db),
    ],
    'within a scope': async (db) => [
      await db.member.createMany({
        data: [
          { id: 'x', tenantId: 1, email: 'eve@example.org' },
          { id: 'y', tenantId: 3, email: 'eve@example.org' },
        ],
        skipDuplicates: true,
      }),
      await db.member.findMany(byId),
    ],
  })

  test('not given, a duplicate is Prisma’s P2002 and nothing is written', async () => {
    const call: Call = (db) => db.patient.createMany({ data: rows })
    expect(await failureOf(sql, () => call(prisma, Prisma))).toMatchObject({ code: 'P2002' })
    expect(await outcomeOf(() => call(prisma, Prisma))).toBe(await outcomeOf(() => call(twin, twinNulls)))
  })
})

describe('5,000 values for `in`', () => {
  const many = Array.from({ length: 5000 }, (_, i) => `n${i}@example.org`)
  const emails = [...many, 'ada@example.org', 'cem@example.org', 'ada@example.org']
  doesLikePlain({
    'in, notIn and not in': async (db) => [
      await db.patient.findMany({ where: { email: { in: emails } }, ...byId }),
      await db.patient.findMany({ where: { email: { notIn: emails } }, ...byId }),
      await db.patient.findMany({ where: { NOT: { email: { in: emails } } }, ...byId }),
      await db.doctor.findMany({ where: { patients: { some: { email: { in: emails } } } }, ...byId }),
    ],
    'of writes': async (db) => [
      await db.patient.updateMany({ where: { email: { in: emails } }, data: { notes: 'among many' } }),
      await db.patient.deleteMany({ where: { email: { in: emails }, notes: { not: null } } }),
      await db.patient.findMany(byId),
    ],
    'of keys, for an encrypted update': async (db) => [
      await db.patient.updateMany({ where: { id: { in: [...many, 'ada', 'bob'] } }, data: { fullName: 'Found' } }),
      await db.patient.findMany({ where: { id: { in: ['ada', 'bob', ...many] } }, ...byId }),
    ],
  })

  test('are sent as tokens alone', async () => {
    const { prisma: watched, queriesOf } = createWatchedClient(twins)
    const queries = await queriesOf(() => watched.patient.findMany({ where: { email: { in: emails } } }))
    expect(JSON.stringify(queries)).toContain('~')
    expect(JSON.stringify(queries)).not.toContain('@example.org')
  })
})

describe('null for a required field', () => {
  const secret = 'Secret'
  const row = {
    string: secret,
    int: 1,
    bigInt: 1n,
    float: 1,
    decimal: 1,
    boolean: true,
    dateTime: new Date(0),
    json: { secret },
    bytes: new Uint8Array(),
    mood: 'CALM',
    jsonList: [secret],
  }
  const withNull = (field: string) => ({ ...row, [field]: null }) as unknown as Types.AllTypesCreateInput
  const calls: Record<string, (db: EncryptedClient, field: string) => Promise<unknown>> = {
    create: (db, field) => db.allTypes.create({ data: withNull(field) }),
    createMany: (db, field) => db.allTypes.createMany({ data: [withNull(field)] }),
    'update of one field': (db, field) => db.allTypes.update({ where: { id: 1 }, data: { [field]: null } }),
    'update by `set`': (db, field) =>
      db.allTypes.update({ where: { id: 1 }, data: { [field]: { set: null }, stringOpt: secret } }),
    updateMany: (db, field) => db.allTypes.updateMany({ data: { [field]: null, stringOpt: secret } }),
    'upsert, in the half that is not taken': (db, field) =>
      db.allTypes.upsert({ where: { id: 1 }, create: withNull(field), update: { stringOpt: secret } }),
  }
  const fields = ['string', 'int', 'bigInt', 'float', 'decimal', 'boolean', 'dateTime', 'bytes', 'mood']

  test.each(Object.entries(calls))('is refused by %s, without a word of the data, and nothing is written', async (_, call) => {
    const given = { ...row, id: 1 } as unknown as Types.AllTypesCreateManyInput
    for (const db of [prisma, twin]) await db.allTypes.createMany({ data: [given], skipDuplicates: true })
    for (const field of fields) {
      expect(await outcomeOf(() => call(twin, field))).toBe('threw PrismaClientValidationError')
      const error = await failureOf(sql, () => call(prisma, field))
      expect([field, error.name]).toEqual([field, expect.stringMatching(/^(PrismaClientValidationError|EnvelopeError)$/)])
      expect(error.message).not.toContain(secret)
    }
  })
})
