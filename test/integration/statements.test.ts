import { describe, expect, test } from 'vitest'
import type { Prisma as Types } from '../generated/7/client/client.ts'
import { variant } from '../support/client.ts'
import type { EncryptedClient } from '../support/encrypted-client.ts'
import { HOUSE, seedHospital } from '../support/hospital.ts'
import { createLoggedTwin, createWatchedClient } from '../support/query-log.ts'
import { createTwins } from '../support/twins.ts'
import { written } from '../support/written.ts'

const twins = await createTwins('statements')
await seedHospital(twins.prisma)
await seedHospital(twins.twin, twins.twinNulls)
const own = createWatchedClient(twins)
const plain = createLoggedTwin(twins)
const prisma = own.prisma as EncryptedClient
const { twin } = plain

type Call = (db: EncryptedClient) => Promise<unknown>

interface Sent {
  readonly statements: readonly string[]
  /** How many transactions ended. Prisma logs no `BEGIN` everywhere. */
  readonly transactions: number
}

/** Begin and end of transactions are counted by themselves. */
function counted(sent: readonly string[]): Sent {
  const control = /^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET )/
  return {
    statements: sent.filter((statement) => !control.test(statement)),
    transactions: sent.filter((statement) => /^(COMMIT|ROLLBACK)$/.test(statement)).length,
  }
}

const sentByOwn = async (call: Call): Promise<Sent> => counted(await own.during(() => call(prisma)))
const sentByPlain = async (call: Call): Promise<Sent> => counted(await plain.during(() => call(twin)))

/** What a statement does to which table. */
function outline(statement: string): string {
  const [, verb] = /^(\w+)/.exec(statement) ?? []
  const [, table] = /(?:FROM|INTO|UPDATE) "public"\."(\w+)"/.exec(statement) ?? []
  return `${verb} ${table}`
}

const patient = (id: string) => ({ id, email: `${id}@example.org`, fullName: id, ward: 'C' })

describe('the statements are those of plain Prisma', () => {
  const calls: Record<string, Call> = {
    'of findUnique': (db) => db.patient.findUnique({ where: { id: 'ada' } }),
    'of findUnique by a token': (db) => db.patient.findUnique({ where: { email: 'ada@example.org' } }),
    'of findUnique by a compound key with a token': (db) =>
      db.member.findUnique({ where: { tenantId_email: { tenantId: 1, email: 'eve@example.org' } } }),
    'of findFirst': (db) => db.patient.findFirst({ where: { ssn: '111-11-1111' }, orderBy: { id: 'asc' } }),
    'of findMany': (db) => db.patient.findMany({ where: { ssn: { in: ['111-11-1111', '222-22-2222'] } } }),
    'of findMany with includes': (db) =>
      db.patient.findMany({ include: { conditions: { include: { patient: true } }, profile: true, tags: true, doctor: true } }),
    'of a select of relations': (db) =>
      db.doctor.findMany({ select: { patients: { select: { profile: { select: { bio: true } } } } } }),
    'of a filter through relations': (db) =>
      db.doctor.findMany({ where: { patients: { some: { conditions: { some: { code: 'J11' } } } } } }),
    'of the fluent API': (db) => db.patient.findUnique({ where: { email: 'ada@example.org' } }).conditions(),
    'of several findUniques in one turn': (db) =>
      Promise.all(['ada', 'bob', 'cem'].map((id) => db.patient.findUnique({ where: { email: `${id}@example.org` } }))),
    'of count': (db) => db.patient.count({ where: { ssn: '111-11-1111' } }),
    'of aggregate': (db) => db.condition.aggregate({ where: { code: 'J11' }, _count: true, _max: { severity: true } }),
    'of groupBy': (db) => db.patient.groupBy({ by: ['ward'], where: { ssn: { not: null } }, _count: { notes: true } }),
    'of create': (db) => db.patient.create({ data: patient('created') }),
    'of create with a key of the database': (db) =>
      db.condition.create({ data: { patientId: 'ada', code: 'C', description: 'c' } }),
    'of create with a connect': (db) =>
      db.condition.create({ data: { patient: { connect: { id: 'ada' } }, code: 'C', description: 'c' } }),
    'of createMany': (db) => db.patient.createMany({ data: [patient('many 1'), patient('many 2')] }),
    'of createMany that skips duplicates': (db) =>
      db.patient.createMany({ data: [patient('many 1'), patient('many 3')], skipDuplicates: true }),
    'of createManyAndReturn': (db) => db.patient.createManyAndReturn({ data: [patient('many 4')] }),
    'of nested creates under keys that the client makes': (db) =>
      db.doctor.create({
        data: {
          name: 'D',
          patients: {
            create: {
              ...patient('nested'),
              profile: { create: { phone: '1' } },
              conditions: { create: { code: 'C', description: 'c' }, createMany: { data: [{ code: 'C', description: 'c' }] } },
            },
          },
        },
        include: { patients: true },
      }),
    'of nested creates below an update': (db) =>
      db.patient.update({ where: { id: 'ada' }, data: { ward: 'N', conditions: { create: [{ code: 'C', description: 'c' }] } } }),
    'of an update of no encrypted field': (db) => db.patient.update({ where: { id: 'cem' }, data: { ward: 'C' } }),
    'of an update of no encrypted field, by a token': (db) =>
      db.patient.update({ where: { email: 'cem@example.org' }, data: { ward: 'C' } }),
    'of an update of all encrypted fields': (db) =>
      db.patient.update({
        where: { id: 'cem' },
        data: { email: 'cem@example.org', ssn: '1', fullName: 'Cem', birthDate: null, history: 1, notes: 'n' },
      }),
    'of an update of all encrypted fields beside a connect': (db) =>
      db.condition.update({ where: { id: 1 }, data: { code: 'J11', description: 'flu', patient: { connect: { id: 'ada' } } } }),
    'of an update of all encrypted fields by a compound key': (db) =>
      db.compoundKey.update({ where: { region_number: { region: 'us', number: 2 } }, data: { secret: 's' } }),
    'of an update of all encrypted fields and the key': (db) =>
      db.givenKey.update({ where: { id: 'before' }, data: { id: 'after', secret: 's' } }),
    'of a nested update of no encrypted field': (db) =>
      db.patient.update({ where: { id: 'ada' }, data: { profile: { update: { theme: 'blue' } } } }),
    'of updateMany of no encrypted field': (db) => db.patient.updateMany({ where: { ssn: '111-11-1111' }, data: { ward: 'C' } }),
    'of updateManyAndReturn of no encrypted field': (db) =>
      db.patient.updateManyAndReturn({ where: { ssn: '1' }, data: { ward: 'C' } }),
    'of an upsert of no encrypted field': (db) =>
      db.tag.upsert({ where: { id: 1 }, create: { label: 'never' }, update: { label: 'upserted' } }),
    'of delete': (db) => db.patient.delete({ where: { email: 'created@example.org' } }),
    'of deleteMany': (db) => db.patient.deleteMany({ where: { email: { in: ['many 1@example.org'] } } }),
  }

  test.each(Object.entries(calls))('%s', async (_, call) => {
    for (const db of [prisma, twin]) {
      await db.givenKey.deleteMany({})
      await db.givenKey.create({ data: { id: 'before', secret: 's' } })
      await db.compoundKey.createMany({ data: [{ region: 'us', number: 2, secret: 's' }], skipDuplicates: true })
    }
    const expected = await sentByPlain(call)
    expect(expected.statements.length).toBeGreaterThan(0)
    const sent = await sentByOwn(call)
    // Relations side by side are read in no certain order.
    expect(sent.statements.map(outline).sort()).toEqual(expected.statements.map(outline).sort())
    expect(sent.transactions).toBe(expected.transactions)
  })
})

describe('what reads a row before it writes it takes one statement more at most, and no transaction that plain Prisma takes not:', () => {
  const key = { tenantId_email: { tenantId: 1, email: 'eve@example.org' } }
  const calls: Record<string, Call> = {
    'an update of one encrypted field': (db) => db.patient.update({ where: { id: 'bob' }, data: { notes: 'n' } }),
    'an update of one encrypted field, by a token': (db) =>
      db.patient.update({ where: { email: 'bob@example.org' }, data: { notes: 'n' } }),
    'an update of one encrypted field beside a connect': (db) =>
      db.patient.update({ where: { id: 'bob' }, data: { notes: 'n', doctor: { connect: { id: HOUSE } } } }),
    'an update of a bound column': (db) => db.member.update({ where: { id: 'm1' }, data: { tenantId: 1 } }),
    // A row found by its token is compared before it is overwritten.
    'an update of all encrypted fields, by a token': (db) =>
      db.profile.update({ where: { patientId: 'ada', patient: { email: 'ada@example.org' } }, data: { bio: 'b' } }),
    'an update by a compound key with a token': (db) =>
      db.member.update({ where: key, data: { nickname: 'n', email: 'eve@example.org' } }),
    'an update of an unbound model, by a token': (db) =>
      db.contact.update({
        where: { id: 2, email: 'hal@example.org' },
        data: { email: 'hal@example.org', backupEmail: null, familyName: 'H', street: 's' },
      }),
    'an upsert of a row that is there': (db) =>
      db.patient.upsert({ where: { id: 'bob' }, create: patient('never'), update: { notes: 'upserted' } }),
    'an upsert of a new row': async (db) => {
      await db.patient.upsert({
        where: { email: 'upserted@example.org' },
        create: patient('upserted'),
        update: { notes: 'never' },
      })
    },
  }

  test.each(Object.entries(calls))('%s', async (_, call) => {
    for (const db of [prisma, twin]) await db.patient.deleteMany({ where: { id: 'upserted' } })
    const expected = await sentByPlain(call)
    const sent = await sentByOwn(call)
    expect(sent.statements.length).toBeLessThanOrEqual(expected.statements.length + 1)
    // Prisma 6 wraps many-row writes in a transaction, and an insert that yields to another row is one of them.
    const wraps = variant === '6' ? 1 : 0
    expect(sent.transactions).toBeLessThanOrEqual(expected.transactions + wraps)
  })
})

describe('a nested update of one row takes at most two statements more than in plain Prisma, in one transaction:', () => {
  const calls: Record<string, Call> = {
    'to many': (db) =>
      db.patient.update({
        where: { id: 'ada' },
        data: { conditions: { update: { where: { id: 1 }, data: { description: 'x' } } } },
      }),
    'to many, by a token': (db) =>
      db.patient.update({
        where: { email: 'ada@example.org' },
        data: { conditions: { update: { where: { id: 1, code: 'J11', patientId: 'ada' }, data: { description: 'x' } } } },
      }),
    'to many, of tokens': (db) =>
      db.patient.update({ where: { id: 'ada' }, data: { conditions: { update: { where: { id: 2 }, data: { code: 'M54' } } } } }),
    'to one that holds the key': (db) => db.patient.update({ where: { id: 'ada' }, data: { profile: { update: { bio: 'x' } } } }),
    'to one whose key the row holds': (db) =>
      db.patient.update({ where: { id: 'ada' }, data: { doctor: { update: { name: 'x' } } } }),
    'to one, with a condition': (db) =>
      db.patient.update({
        where: { id: 'ada' },
        data: { profile: { update: { where: { patientId: 'ada' }, data: { bio: 'x' } } } },
      }),
    'through a relation of many to many': (db) =>
      db.tag.update({ where: { id: 1 }, data: { patients: { update: { where: { id: 'ada' }, data: { notes: 'x' } } } } }),
    'below a model without encrypted fields': (db) =>
      db.tenant.update({ where: { id: 1 }, data: { members: { update: { where: { id: 'm1' }, data: { nickname: 'x' } } } } }),
    'beside an encrypted field of the row itself': (db) =>
      db.patient.update({
        where: { id: 'ada' },
        data: { notes: 'n', conditions: { update: { where: { id: 1 }, data: { description: 'x' } } } },
      }),
    'two levels down': (db) =>
      db.doctor.update({
        where: { id: HOUSE },
        data: { patients: { update: { where: { id: 'ada' }, data: { profile: { update: { bio: 'x' } } } } } },
      }),
    'with a select': (db) =>
      db.patient.update({ where: { id: 'ada' }, data: { profile: { update: { bio: 'x' } } }, select: { id: true } }),
    'with an include': (db) =>
      db.patient.update({
        where: { id: 'ada' },
        data: { profile: { update: { bio: 'x' } } },
        include: { profile: true, doctor: true },
      }),
    'by upsert': (db) =>
      db.patient.update({
        where: { id: 'ada' },
        data: { profile: { upsert: { create: { phone: '1' }, update: { bio: 'x' } } } },
      }),
    'by updateMany': (db) =>
      db.patient.update({
        where: { id: 'ada' },
        data: { conditions: { updateMany: { where: { severity: 5 }, data: { description: 'x' } } } },
      }),
  }

  test.each(Object.entries(calls))('%s', async (_, call) => {
    const expected = await sentByPlain(call)
    // Keys that are not at hand are fetched while no transaction is open, and the work is done again.
    await call(prisma)
    const sent = await sentByOwn(call)
    expect(sent.statements.length).toBeLessThanOrEqual(expected.statements.length + 2)
    expect([sent.transactions, expected.transactions]).toEqual([1, 1])
  })
})

describe('the number of statements of many rows does not depend on how many they are:', () => {
  const people = (rank: number, count: number): Types.PersonCreateManyInput[] =>
    Array.from({ length: count }, (_, i) => ({
      id: `${rank}-${i}`,
      email: `${rank}-${i}@x.org`,
      name: `Name ${i}`,
      age: i,
      rank,
    }))

  const writes: Record<string, (db: EncryptedClient, rank: number) => Promise<unknown>> = {
    'updateMany of one encrypted field': (db, rank) => db.person.updateMany({ where: { rank }, data: { name: 'Same' } }),
    'updateMany with a limit': (db, rank) => db.person.updateMany({ where: { rank }, data: { age: null }, limit: 1000 }),
    updateManyAndReturn: (db, rank) =>
      db.person.updateManyAndReturn({ where: { rank }, data: { name: 'Returned' }, select: { id: true, name: true } }),
    'nested updateMany': (db, rank) =>
      db.person.update({ where: { id: 'boss' }, data: { staff: { updateMany: { where: { rank }, data: { age: 50 } } } } }),
  }

  test('createMany, updateMany and deleteMany of 1,000 rows', async () => {
    for (const db of [prisma, twin]) await db.person.create({ data: { id: 'boss', email: 'boss@x.org', name: 'Boss' } })
    const create =
      (rank: number, count: number): Call =>
      (db) =>
        db.person.createMany({ data: people(rank, count).map((person) => ({ ...person, bossId: 'boss' })) })
    const few = await sentByOwn(create(10, 10))
    expect((await sentByOwn(create(1000, 1000))).statements).toHaveLength(few.statements.length)
    await create(10, 10)(twin)
    await create(1000, 1000)(twin)

    for (const [title, write] of Object.entries(writes)) {
      await write(prisma, 10)
      const ofFew = await sentByOwn((db) => write(db, 10))
      const ofMany = await sentByOwn((db) => write(db, 1000))
      expect([title, ofMany.statements.map(outline)]).toEqual([title, ofFew.statements.map(outline)])
      expect([title, ofMany.transactions]).toEqual([title, 1])
      const envelopes = ofMany.statements.filter((statement) => statement.includes('jsonb_populate_record'))
      expect([title, envelopes.length]).toEqual([title, 1])
      for (const rank of [10, 10, 1000]) await write(twin, rank)
    }
    const rows = (db: EncryptedClient) => db.person.findMany({ orderBy: { id: 'asc' } })
    expect(written(await rows(twins.client()))).toBe(written(await rows(twin)))

    const removed = await sentByOwn((db) =>
      db.person.deleteMany({ where: { email: { in: people(1000, 1000).map(({ email }) => email) } } }),
    )
    expect(removed.statements).toHaveLength(1)
  })

  test('one more statement writes the envelopes of each further 1,000 rows', async () => {
    await prisma.givenKey.createMany({ data: Array.from({ length: 2001 }, (_, i) => ({ id: `row ${i}`, secret: 's' })) })
    const where = { id: { startsWith: 'row' } }
    const { statements } = await sentByOwn((db) => db.givenKey.updateMany({ where, data: { secret: 'same' } }))
    expect(statements.filter((statement) => statement.includes('jsonb_populate_record'))).toHaveLength(3)
    expect(statements).toHaveLength(5)
    expect(await twins.client().givenKey.findMany({ where, distinct: ['id'], select: { secret: true }, take: 2001 })).toEqual(
      Array.from({ length: 2001 }, () => ({ secret: 'same' })),
    )
  })
})
