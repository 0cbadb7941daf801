import type { EnvelopeErrorCode, EnvelopeOptions } from 'prisma-envelope'
import { describe, expect, test } from 'vitest'
import type { Prisma as Types } from '../generated/7/client/client.ts'
import { models, Prisma } from '../support/client.ts'
import type { EncryptedClient } from '../support/encrypted-client.ts'
import { HOUSE, seedHospital, WATSON } from '../support/hospital.ts'
import { deepFrozen, expectRefusal, failureOf } from '../support/refused.ts'
import { createTwins, type Nulls } from '../support/twins.ts'
import { outcomeOf, written } from '../support/written.ts'

const { prisma, twin, twinNulls, bare, sql, client } = await createTwins('updating')
await seedHospital(prisma)
await seedHospital(twin, twinNulls)

type Call = (db: EncryptedClient, nulls: Nulls) => Promise<unknown>

/** Everything that the two databases hold, as the application sees it. */
const everything: Call = async (db) => [
  await db.patient.findMany({
    include: { conditions: { orderBy: { id: 'asc' } }, profile: true, tags: { orderBy: { id: 'asc' } }, doctor: true },
    orderBy: { id: 'asc' },
  }),
  await db.member.findMany({ include: { tenant: true }, orderBy: { id: 'asc' } }),
  await db.category.findMany({ orderBy: { id: 'asc' } }),
  await db.contact.findMany({ orderBy: { id: 'asc' } }),
  await db.tag.findMany({ orderBy: { id: 'asc' } }),
  await db.doctor.findMany({ orderBy: { id: 'asc' } }),
]

/** Runs each call on both clients: same result, same rows afterwards, for a client with empty caches, too. */
function updatesLikePlain(calls: Record<string, Call>): void {
  test.each(Object.entries(calls))('%s', async (_, call) => {
    const expected = await outcomeOf(() => call(twin, twinNulls))
    expect(expected).toMatch(/^returned (?!\[\]|null)/)
    expect(await outcomeOf(() => call(prisma, Prisma))).toBe(expected)
    expect(await outcomeOf(() => everything(client(), Prisma))).toBe(await outcomeOf(() => everything(twin, twinNulls)))
  })
}

/** What only the database sees of a row. */
async function envelopeOf(table: string, key: string) {
  const [row] = await sql<{ envelope: { dek: string; ct: string; fs: string } }>(
    `SELECT envelope FROM "${table}" WHERE id = $1`,
    [key],
  )
  return row?.envelope
}

describe('an update gives what plain Prisma gives, and leaves the rows that it leaves:', () => {
  const all = {
    email: 'New@example.org',
    ssn: '9',
    fullName: 'All New',
    birthDate: new Date(0),
    history: [1, { a: null }],
    notes: 'n',
  }
  updatesLikePlain({
    'of one encrypted field': (db) => db.patient.update({ where: { id: 'ada' }, data: { fullName: 'Ada Byron' } }),
    'of one searchable field': (db) => db.patient.update({ where: { id: 'ada' }, data: { ssn: '333' } }),
    'of several': (db) => db.patient.update({ where: { id: 'ada' }, data: { ssn: '334', notes: 'changed', ward: 'C1' } }),
    'of no encrypted field': (db) => db.patient.update({ where: { id: 'ada' }, data: { ward: 'C2' } }),
    'of nothing': (db) => db.patient.update({ where: { id: 'ada' }, data: {} }),
    'of all encrypted fields': (db) => db.patient.update({ where: { id: 'bob' }, data: { ...all, email: 'new@example.org' } }),
    'of a value and no value': (db) => db.patient.update({ where: { id: 'ada' }, data: { fullName: 'Ada L', notes: undefined } }),
    'of values as `set`': (db) =>
      db.patient.update({ where: { id: 'ada' }, data: { fullName: { set: 'Ada S' }, ssn: { set: null }, ward: { set: 'C3' } } }),
    'to null': (db, { DbNull }) =>
      db.patient.update({ where: { id: 'ada' }, data: { birthDate: null, ssn: null, notes: null, history: DbNull } }),
    'from null': (db) =>
      db.patient.update({ where: { id: 'ada' }, data: { birthDate: new Date(1), ssn: '335', notes: '', history: 0 } }),
    'by an encrypted unique field': (db) =>
      db.patient.update({ where: { email: 'cem@example.org' }, data: { notes: 'by email' } }),
    'of all encrypted fields by one of them': (db) =>
      db.patient.update({ where: { email: 'cem@example.org' }, data: { ...all, email: 'cem2@example.org', ssn: null } }),
    'of the field that it is found by': (db) =>
      db.patient.update({ where: { email: 'dea@example.org' }, data: { email: 'dea2@example.org' } }),
    'by a key and further conditions': (db) =>
      db.patient.update({
        where: { id: 'dea', ward: 'B2', email: 'dea2@example.org', AND: [{ ssn: null }] },
        data: { ssn: '336' },
      }),
    'by a compound unique key': (db) =>
      db.member.update({ where: { tenantId_email: { tenantId: 1, email: 'fay@example.org' } }, data: { nickname: 'Fay' } }),
    'of all encrypted fields by a compound unique key': (db) =>
      db.member.update({
        where: { tenantId_email: { tenantId: 1, email: 'fay@example.org' } },
        data: { nickname: 'Fay!', email: 'fay2@example.org' },
      }),
    'with a selection': (db) =>
      db.patient.update({
        where: { id: 'ada' },
        data: { notes: 'select' },
        select: { notes: true, conditions: { select: { code: true } } },
      }),
    'with an omission': (db) =>
      db.patient.update({ where: { id: 'ada' }, data: { notes: 'omit' }, omit: { id: true, fullName: true } }),
    'with relations': (db) =>
      db.patient.update({
        where: { id: 'ada' },
        data: { notes: 'include' },
        include: { conditions: true, doctor: true, profile: true },
      }),
    'of a row of a relation with itself': (db) => db.category.update({ where: { id: 4 }, data: { name: 'cardio', parentId: 3 } }),
    'of fields of one index key': (db) =>
      db.contact.update({ where: { id: 1 }, data: { email: 'hal@example.org', street: 'none' } }),
  })

  test('of lists, which are given whole', async () => {
    const lists = {
      stringList: ['a', ''],
      bigIntList: [1n],
      jsonList: [{ a: 1 }, [2]],
      dateTimeList: [new Date(0)],
      moodList: ['SAD' as const],
    }
    const required = {
      string: 's',
      int: 1,
      bigInt: 1n,
      float: 1,
      decimal: '1',
      boolean: true,
      dateTime: new Date(0),
      json: {},
      bytes: new Uint8Array(1),
      mood: 'CALM' as const,
    }
    for (const db of [prisma, twin]) {
      await db.allTypes.create({ data: { id: 1, ...required, ...lists } as Types.AllTypesCreateInput })
      await db.allTypes.update({ where: { id: 1 }, data: { stringList: { set: ['b'] }, jsonList: [], moodList: { set: [] } } })
      await db.allTypes.update({
        where: { id: 1 },
        data: { bigIntList: [2n, 3n], json: { set: [1] }, jsonOpt: { set: null, push: 1 } },
      })
    }
    expect(written(await prisma.allTypes.findMany())).toBe(written(await twin.allTypes.findMany()))
  })
})

describe('relations change beside encrypted fields, in the one statement that guards them:', () => {
  updatesLikePlain({
    'connect of a row that this one references': (db) =>
      db.patient.update({
        where: { id: 'cem' },
        data: { notes: 'to House', doctor: { connect: { id: HOUSE } } },
        include: { doctor: true },
      }),
    'the foreign key as a column': (db) =>
      db.patient.update({ where: { id: 'cem' }, data: { notes: 'to Watson', doctorId: WATSON } }),
    'disconnect of it': (db) =>
      db.patient.update({
        where: { id: 'cem' },
        data: { notes: 'to nobody', doctor: { disconnect: true } },
        include: { doctor: true },
      }),
    'relations that are undefined': (db) =>
      db.patient.update({
        where: { id: 'cem' },
        data: { notes: 'as before', doctor: undefined, conditions: {}, tags: { connect: undefined } },
      }),
  })
})

describe('rows that are bound to what changes are sealed anew, and found under it:', () => {
  const found = (tenantId: number, email: string) => prisma.member.findUnique({ where: { tenantId_email: { tenantId, email } } })

  test.each<[string, Types.MemberUpdateInput | Types.MemberUncheckedUpdateInput]>([
    ['as a column', { tenantId: 2 }],
    ['as `set`', { tenantId: { set: 2 } }],
    ['by connect', { tenant: { connect: { id: 2 } } }],
    ['with a plain field', { tenantId: 2, role: 'admin' }],
    ['with another encrypted field', { tenantId: 2, nickname: 'moved' }],
    ['with the scoped field', { tenantId: 2, email: ' MOVING@example.org' }],
    ['with all encrypted fields', { tenantId: 2, nickname: 'moved', email: 'moving@example.org' }],
    ['by connect, with all encrypted fields', { tenant: { connect: { id: 2 } }, nickname: 'moved', email: 'moving@example.org' }],
  ])('a column that scopes tokens, %s', async (_, data) => {
    await prisma.member.create({ data: { id: 'moving', email: 'moving@example.org', tenantId: 1 } })
    const before = await envelopeOf('Member', 'moving')
    const moved = await prisma.member.update({ where: { id: 'moving' }, data })
    expect(moved).toMatchObject({ tenantId: 2, email: expect.stringMatching(/moving@example\.org/i) })
    expect(await envelopeOf('Member', 'moving')).not.toEqual(before)
    expect(await found(1, 'moving@example.org')).toBeNull()
    expect(await found(2, 'moving@example.org')).toEqual(moved)
    expect(await client().member.findUnique({ where: { id: 'moving' } })).toEqual(moved)
    await prisma.member.delete({ where: { id: 'moving' } })
  })

  test('a column to the value that it has', async () => {
    const before = await found(1, 'eve@example.org')
    expect(await prisma.member.update({ where: { id: 'm1' }, data: { tenantId: 1 } })).toEqual(before)
    expect(await found(1, 'eve@example.org')).toEqual(before)
  })

  const changes: Record<string, [(db: EncryptedClient) => Promise<unknown>, (db: EncryptedClient) => Promise<unknown>]> = {
    'a primary key': [
      (db) => db.givenKey.update({ where: { id: 'one' }, data: { id: 'two' } }),
      (db) => db.givenKey.findUnique({ where: { id: 'two' } }),
    ],
    'a primary key and all encrypted fields': [
      (db) => db.givenKey.update({ where: { id: 'two' }, data: { id: 'three', secret: 'new' } }),
      (db) => db.givenKey.findUnique({ where: { id: 'three' } }),
    ],
    'a primary key as `set`': [
      (db) => db.givenKey.update({ where: { id: 'three' }, data: { id: { set: 'four' } } }),
      (db) => db.givenKey.findMany(),
    ],
    'half of a compound key': [
      (db) => db.compoundKey.update({ where: { region_number: { region: 'eu', number: 1 } }, data: { number: 2 } }),
      (db) => db.compoundKey.findUnique({ where: { region_number: { region: 'eu', number: 2 } } }),
    ],
    'the other half, and all encrypted fields': [
      (db) =>
        db.compoundKey.update({ where: { region_number: { region: 'eu', number: 2 } }, data: { region: 'us', secret: 'new' } }),
      (db) => db.compoundKey.findMany(),
    ],
    'a padded key': [
      (db) => db.charKey.update({ where: { id: 'abc' }, data: { id: 'abcd', secret: 'new' } }),
      (db) => db.charKey.findMany(),
    ],
    'a foreign key, as a column': [
      (db) => db.condition.update({ where: { id: 4 }, data: { patientId: 'dea' } }),
      (db) => db.condition.findMany({ orderBy: { id: 'asc' } }),
    ],
    'a foreign key, by connect': [
      (db) => db.condition.update({ where: { id: 4 }, data: { code: 'K22', patient: { connect: { id: 'cem' } } } }),
      (db) => db.condition.findMany({ orderBy: { id: 'asc' } }),
    ],
    'a primary key that is a foreign key': [
      (db) => db.profile.update({ where: { patientId: 'bob' }, data: { patientId: 'cem' } }),
      (db) => db.profile.findMany({ orderBy: { patientId: 'asc' } }),
    ],
    'the same by connect': [
      (db) =>
        db.profile.update({
          where: { patientId: 'cem' },
          data: { patient: { connect: { id: 'bob' } } },
          include: { patient: true },
        }),
      (db) => db.profile.findMany({ orderBy: { patientId: 'asc' } }),
    ],
    'a primary key that unbound foreign keys follow': [
      (db) => db.doctor.update({ where: { id: HOUSE }, data: { id: HOUSE.replace('0', 'F') } }),
      (db) => db.patient.findMany({ include: { doctor: true }, orderBy: { id: 'asc' } }),
    ],
  }
  test.each(Object.entries(changes))('%s', async (_, [change, read]) => {
    for (const db of [prisma, twin]) {
      await db.givenKey.createMany({ data: [{ id: 'one', secret: 's' }], skipDuplicates: true })
      await db.compoundKey.createMany({ data: [{ region: 'eu', number: 1, secret: 's' }], skipDuplicates: true })
      await db.charKey.createMany({ data: [{ id: 'abc', secret: 's' }], skipDuplicates: true })
    }
    const expected = await outcomeOf(() => change(twin))
    expect(expected).toMatch(/^returned /)
    expect(await outcomeOf(() => change(prisma))).toBe(expected)
    expect(await outcomeOf(() => read(client()))).toBe(await outcomeOf(() => read(twin)))
    for (const db of [prisma, twin]) {
      await db.givenKey.deleteMany({ where: { id: 'one' } })
      await db.compoundKey.deleteMany({ where: { number: 1 } })
    }
  })
})

describe('what touches nothing sealed passes through to rows of encrypted models:', () => {
  updatesLikePlain({
    'updateMany of plain columns': (db) => db.patient.updateMany({ where: { ward: 'B2' }, data: { ward: 'B3' } }),
    'updateMany by a token': (db) => db.condition.updateMany({ where: { code: 'J11' }, data: { severity: { increment: 1 } } }),
    'updateMany of a foreign key that nothing is bound to': (db) =>
      db.patient.updateMany({ where: { id: 'dea' }, data: { doctorId: null } }),
    updateManyAndReturn: async (db) => {
      const rows = await db.condition.updateManyAndReturn({
        where: { code: { in: ['J11', 'M54'] } },
        data: { severity: 7 },
        include: { patient: true },
      })
      return rows.toSorted((a, b) => a.id - b.id)
    },
    'updateMany with undefined encrypted fields': (db) => db.patient.updateMany({ data: { fullName: undefined, ward: 'B4' } }),
    'nested update of plain columns': (db) =>
      db.doctor.update({
        where: { id: WATSON },
        data: {
          patients: {
            connect: { email: 'cem2@example.org' },
            update: { where: { email: 'cem2@example.org' }, data: { ward: 'N1' } },
          },
        },
        include: { patients: true },
      }),
    'nested update of plain columns of a to-one row': (db) =>
      db.patient.update({
        where: { id: 'ada' },
        data: { ward: 'N2', profile: { update: { theme: 'light' } } },
        include: { profile: true },
      }),
    'the same with `data` and `where`': (db) =>
      db.patient.update({
        where: { id: 'ada' },
        data: { profile: { update: { where: { theme: 'light' }, data: { theme: 'dark' } } } },
        include: { profile: true },
      }),
    'nested updateMany by a token': (db) =>
      db.patient.update({
        where: { id: 'ada' },
        data: { conditions: { updateMany: { where: { code: 'J11' }, data: { severity: 9 } } } },
        include: { conditions: { orderBy: { id: 'asc' } } },
      }),
    'nested writes of a model without encrypted fields': (db) =>
      db.patient.update({
        where: { id: 'ada' },
        data: {
          tags: {
            create: { label: 'brand new' },
            connectOrCreate: { where: { label: 'unused' }, create: { label: 'unused' } },
            update: { where: { label: 'urgent' }, data: { label: 'very urgent' } },
            upsert: { where: { label: 'nothing' }, create: { label: 'something' }, update: { label: 'never' } },
            disconnect: { label: 'private' },
          },
        },
        include: { tags: { orderBy: { id: 'asc' } } },
      }),
    'nested create under a key in the where': (db) =>
      db.patient.update({
        where: { id: 'dea' },
        data: {
          conditions: { create: { code: 'N3', description: 'nested', startedAt: new Date(0) } },
          profile: { create: { phone: 'nested' } },
        },
        select: { conditions: { select: { code: true, description: true } }, profile: true },
      }),
    'nested delete by a token': (db) =>
      db.patient.update({
        where: { id: 'dea' },
        data: { conditions: { deleteMany: { code: 'N3' } }, profile: { delete: true } },
        include: { conditions: true, profile: true },
      }),
    'upsert of a model without encrypted fields, that updates': (db) =>
      db.tag.upsert({
        where: { label: 'very urgent' },
        create: { label: 'x' },
        update: { label: 'urgent', patients: { disconnect: { id: 'ada' } } },
        include: { patients: true },
      }),
    'update of a model that no encrypted one is related to': (db) =>
      db.plain.update({ where: { id: 1 }, data: { count: { increment: 2 }, name: 'uno' }, select: { count: true, name: true } }),
    'a self relation set to rows and back': (db) =>
      db.category.update({ where: { id: 1 }, data: { children: { set: [{ id: 3 }] } }, include: { children: true } }),
    'delete by a token': (db) => db.contact.delete({ where: { id: 3, email: 'ivy@example.org' } }),
    'deleteMany by a token': (db) => db.condition.deleteMany({ where: { code: 'K22' } }),
  })
})

describe('what can not be written is refused, and nothing is:', () => {
  const patientsOf = (patients: Types.PatientUpdateManyWithoutTagsNestedInput) => () =>
    prisma.tag.update({ where: { id: 1 }, data: { patients } })
  const ada = (data: Types.PatientUpdateInput) => () => prisma.patient.update({ where: { id: 'ada' }, data })

  const cases: Record<string, [() => Promise<unknown>, EnvelopeErrorCode]> = {
    'updateMany of the envelope': [() => prisma.patient.updateMany({ data: { envelope: Prisma.DbNull } }), 'ENVELOPE_INPUT'],
    'update of the envelope': [ada({ envelope: {} }), 'ENVELOPE_INPUT'],
    'update of the envelope to NULL': [ada({ ward: 'X', envelope: Prisma.DbNull }), 'ENVELOPE_INPUT'],
    'update of the envelope as `set`': [ada({ envelope: { set: {} } }), 'ENVELOPE_INPUT'],
    'arithmetic on an encrypted field': [
      () => prisma.nativeTypes.update({ where: { id: 1 }, data: { smallInt: { increment: 1 } } }),
      'UNSUPPORTED',
    ],
    'push to an encrypted list': [
      () => prisma.allTypes.update({ where: { id: 1 }, data: { stringList: { push: 'Secret' } } }),
      'UNSUPPORTED',
    ],
    'push of many to an encrypted list': [
      () => prisma.allTypes.update({ where: { id: 1 }, data: { jsonList: { push: ['Secret'] } } }),
      'UNSUPPORTED',
    ],
    'a value of another type': [ada({ fullName: { set: { secret: 'Secret' } as never } }), 'INVALID_VALUE'],
    'a column as a value': [ada({ fullName: prisma.patient.fields.ward as never }), 'UNSUPPORTED'],
    'nested update of the envelope': [patientsOf({ update: { where: { id: 'ada' }, data: { envelope: {} } } }), 'ENVELOPE_INPUT'],
  }
  test.each(Object.entries(cases))('%s', async (_, [call, code]) => {
    await prisma.nativeTypes.createMany({ data: [{ id: 1, smallInt: 1 }], skipDuplicates: true })
    await expectRefusal(sql, call, { code, model: expect.any(String) }, 'Secret')
  })
})

describe('a nested update of a model that has a field called `data`', () => {
  const { Profile } = models
  const ambiguous = client({
    models: { ...models, Profile: { ...Profile, columns: { ...Profile.columns, data: { column: 'data', type: 'Json' } } } },
  })
  const nested = (update: object) => () =>
    ambiguous.patient.update({ where: { id: 'ada' }, data: { profile: { update: update as Types.ProfileUpdateInput } } })

  test.each<[string, object]>([
    ['an encrypted field', { data: { bio: 'Secret' } }],
    ['an encrypted field beside a condition', { where: { theme: 'dark' }, data: { bio: 'Secret' } }],
    ['a bound column', { data: { patientId: 'bob' } }],
    ['a nested write', { data: { patient: { update: { fullName: 'Secret' } } } }],
  ])('is refused where either reading writes %s, and nothing is written', async (_, update) => {
    await expectRefusal(sql, nested(update), { code: 'UNSUPPORTED', model: 'Profile' }, 'Secret')
  })

  test('passes where neither does', async () => {
    await nested({ data: { theme: 'ambiguous' } })()
    expect(await prisma.profile.findUnique({ where: { patientId: 'ada' } })).toMatchObject({ theme: 'ambiguous' })
  })
})

describe('what Prisma or PostgreSQL refuse is their own error, and nothing is written:', () => {
  const known = (code: string) => ({ name: 'PrismaClientKnownRequestError', code })
  const validation = { name: 'PrismaClientValidationError' }
  const all = { email: 'x@example.org', ssn: '9', fullName: 'X', birthDate: null, history: 1, notes: 'n' }
  const cases: Record<string, [Call, object]> = {
    'a partial update of no row': [
      (db) => db.patient.update({ where: { id: 'nobody' }, data: { fullName: 'X' } }),
      known('P2025'),
    ],
    'a partial update of no row, by a token': [
      (db) => db.patient.update({ where: { email: 'nobody' }, data: { fullName: 'X' } }),
      known('P2025'),
    ],
    'a full update of no row': [(db) => db.patient.update({ where: { id: 'nobody' }, data: all }), known('P2025')],
    'a full update of a row that meets not all conditions': [
      (db) => db.patient.update({ where: { id: 'ada', ward: 'no' }, data: all }),
      known('P2025'),
    ],
    'a plain update of no row': [(db) => db.patient.update({ where: { id: 'nobody' }, data: { ward: 'X' } }), known('P2025')],
    'a delete of no row': [(db) => db.patient.delete({ where: { email: 'nobody' } }), known('P2025')],
    'a connect of no row': [
      (db) =>
        db.patient.update({ where: { id: 'ada' }, data: { notes: 'n', doctor: { connect: { id: WATSON.replace('7', '8') } } } }),
      known('P2025'),
    ],
    'a connect of no row in a full update': [
      (db) =>
        db.patient.update({ where: { id: 'ada' }, data: { ...all, doctor: { connect: { id: WATSON.replace('7', '8') } } } }),
      known('P2025'),
    ],
    'a unique encrypted value that is taken': [
      (db) => db.patient.update({ where: { id: 'ada' }, data: { email: 'cem2@example.org' } }),
      known('P2002'),
    ],
    'a unique encrypted value that is taken, in a full update': [
      (db) => db.patient.update({ where: { id: 'ada' }, data: { ...all, email: 'cem2@example.org' } }),
      known('P2002'),
    ],
    'a primary key that is taken': [
      (db) => db.profile.update({ where: { patientId: 'ada' }, data: { patientId: 'bob' } }),
      known('P2002'),
    ],
    'a foreign key to no row': [(db) => db.member.update({ where: { id: 'm1' }, data: { tenantId: 999 } }), known('P2003')],
    'null for a required field': [
      (db) => db.patient.update({ where: { id: 'ada' }, data: { fullName: null as never } }),
      validation,
    ],
    'null for a required field as `set`': [
      (db) => db.patient.update({ where: { id: 'ada' }, data: { fullName: { set: null as never } } }),
      validation,
    ],
    'a field that there is not': [
      (db) => db.patient.update({ where: { id: 'ada' }, data: { fullName: 'X', nickname: 'x' } as never }),
      validation,
    ],
    'no unique condition': [(db) => db.patient.update({ where: {} as never, data: { fullName: 'X' } }), validation],
    'no data': [(db) => db.patient.update({ where: { id: 'ada' } } as Types.PatientUpdateArgs), validation],
    'no value as `set`': [
      (db) => db.patient.update({ where: { id: 'ada' }, data: { ward: 'X', ssn: { set: undefined } } }),
      validation,
    ],
    'no value as `set` beside encrypted fields': [
      (db) => db.patient.update({ where: { id: 'ada' }, data: { fullName: 'X', ssn: { set: undefined } } }),
      validation,
    ],
  }
  test.each(Object.entries(cases))('%s', async (_, [call, expected]) => {
    expect(await failureOf(sql, () => call(twin, twinNulls))).toMatchObject(expected)
    expect(await failureOf(sql, () => call(prisma, Prisma))).toMatchObject(expected)
  })
})

test('every write seals under a fresh DEK, and only the columns change that it gives', async () => {
  const envelopes = [await envelopeOf('Patient', 'ada')]
  const all = { email: 'ada@example.org', ssn: '1', fullName: 'Ada', birthDate: null, history: 1, notes: 'n' }
  for (const data of [{ notes: 'n' }, { notes: 'n' }, all, all, { ssn: '1' }]) {
    await prisma.patient.update({ where: { id: 'ada' }, data })
    envelopes.push(await envelopeOf('Patient', 'ada'))
  }
  expect(new Set(envelopes.map((envelope) => envelope?.dek)).size).toBe(6)
  expect(new Set(envelopes.map((envelope) => envelope?.ct)).size).toBe(6)
  const before = await bare.patient.findUnique({ where: { id: 'ada' } })
  await prisma.patient.update({ where: { id: 'ada' }, data: { fullName: 'Somebody' } })
  await prisma.patient.update({ where: { id: 'ada' }, data: { ward: before?.ward ?? '' } })
  expect(await bare.patient.findUnique({ where: { id: 'ada' } })).toEqual(before)
  const last = await envelopeOf('Patient', 'ada')
  await prisma.patient.update({ where: { id: 'ada' }, data: { ward: 'only this' } })
  expect(await envelopeOf('Patient', 'ada')).toEqual(last)
})

test('the arguments of the caller are not changed', async () => {
  const where = deepFrozen({ id: 'ada', AND: [{ email: 'ada@example.org' }] })
  const update = (data: Types.PatientUpdateInput) =>
    prisma.patient.update({ where, data: deepFrozen(data), include: deepFrozen({ conditions: true }) })
  await update({ fullName: { set: 'Frozen' }, history: { a: [1] }, doctor: { connect: { id: WATSON } } })
  await update({
    ward: 'frozen',
    conditions: { create: [{ code: 'FR', description: 'frozen' }] },
    profile: { update: { theme: 'frozen' } },
  })
  await update({ email: 'ada@example.org', ssn: null, fullName: 'Frozen', birthDate: null, history: 2, notes: null })
  await prisma.tag.updateMany(deepFrozen({ where: { id: 1 }, data: { label: 'frozen' } }))
})

describe('updateMany of encrypted fields', () => {
  test.each<[string, Partial<EnvelopeOptions>, keysOfKms: number, hasDek: boolean]>([
    ['one branch key', {}, 1, true],
    ['branch keys that are used up in between', { branch: { maxRows: 400 } }, 3, true],
    ['a KMS call for each row', { wrap: 'direct' }, 1100, false],
  ])('seals each row under a DEK of its own with %s', async (_, options, keysOfKms, hasDek) => {
    const count = 1100
    const rows = Array.from({ length: count }, (_row, id) => ({ id: `many ${id}`, secret: `old ${id}` }))
    await prisma.givenKey.deleteMany()
    await prisma.givenKey.createMany({ data: rows })
    expect(await client(options).givenKey.updateMany({ data: { secret: 'new' } })).toEqual({ count })
    expect(await client().givenKey.findMany({ orderBy: { id: 'asc' } })).toEqual(
      rows.map(({ id }) => ({ id, secret: 'new' })).sort((a, b) => (a.id < b.id ? -1 : 1)),
    )
    const stored = await sql<{ envelope: Record<string, unknown> }>(`SELECT envelope FROM "GivenKey"`)
    const names = hasDek ? ['ct', 'dek', 'fs', 'kid', 'v', 'wk'] : ['ct', 'fs', 'kid', 'v', 'wk']
    for (const { envelope } of stored) expect(Object.keys(envelope).sort()).toEqual(names)
    const distinct = (name: string): number => new Set(stored.map(({ envelope }) => envelope[name])).size
    expect([distinct('wk'), distinct('dek'), distinct('ct')]).toEqual([keysOfKms, hasDek ? count : 1, count])
  })
})

describe('a row that another version of the application sealed', () => {
  const { Patient } = models
  const plan = (columns: object): Partial<EnvelopeOptions> => ({
    models: { ...models, Patient: { ...Patient, columns: columns as typeof Patient.columns } },
  })
  const { notes: _notes, ssn: _ssn, ...olderColumns } = Patient.columns
  const older = client(plan(olderColumns))
  const newer = client(
    plan({ ...Patient.columns, ward: { ...Patient.columns.ward, encrypted: { identity: 'ward', placeholder: '*' } } }),
  )
  const select = { fullName: true } as const
  const ofOlder = { email: 'v@example.org', fullName: 'V2', birthDate: null, history: Prisma.JsonNull }

  async function sealed(by: EncryptedClient, data: Partial<Types.PatientCreateInput> = {}) {
    await bare.patient.deleteMany({ where: { id: 'v' } })
    await by.patient.create({
      data: { id: 'v', email: 'v@example.org', fullName: 'V', ward: 'W', ...data },
      select: { id: true },
    })
  }
  const read = (by: EncryptedClient = client()) => by.patient.findUnique({ where: { id: 'v' } })

  test('keeps fields that the process does not know, through a partial update', async () => {
    await sealed(prisma, { notes: 'kept', ssn: '42' })
    await older.patient.update({ where: { id: 'v' }, data: { fullName: 'V2' }, select })
    expect(await read()).toMatchObject({ fullName: 'V2', notes: 'kept', ssn: '42' })
  })

  test('keeps them through a full update, again and again', async () => {
    await sealed(prisma, { notes: 'kept', ssn: '42', history: [1] })
    for (const fullName of ['V2', 'V3']) {
      expect(await older.patient.update({ where: { id: 'v' }, data: { ...ofOlder, fullName }, select })).toEqual({ fullName })
    }
    expect(await read()).toMatchObject({ fullName: 'V3', notes: 'kept', ssn: '42', history: null })
    expect(await client().patient.count({ where: { ssn: '42' } })).toBe(1)
  })

  test('keeps them in an interactive transaction', async () => {
    await sealed(prisma, { notes: 'kept' })
    await older.$transaction((tx) => tx.patient.update({ where: { id: 'v' }, data: ofOlder, select }))
    expect(await read()).toMatchObject({ fullName: 'V2', notes: 'kept' })
  })

  test('keeps them in a batch transaction', async () => {
    await sealed(prisma, { notes: 'kept' })
    await older.$transaction([older.patient.update({ where: { id: 'v' }, data: ofOlder, select })])
    expect(await read()).toMatchObject({ fullName: 'V2', notes: 'kept' })
  })

  test('gains a field at its next update, where the column was NULL', async () => {
    await sealed(older)
    expect(await read()).toMatchObject({ notes: null, ssn: null })
    await prisma.patient.update({ where: { id: 'v' }, data: { ssn: '43' } })
    expect(await read()).toMatchObject({ fullName: 'V', notes: null, ssn: '43' })
    expect(await client().patient.count({ where: { ssn: '43', id: 'v' } })).toBe(1)
  })

  test('gains a field at a full update', async () => {
    await sealed(older)
    await prisma.patient.update({ where: { id: 'v' }, data: { ...ofOlder, notes: 'n', ssn: '44' } })
    expect(await read()).toMatchObject({ fullName: 'V2', notes: 'n', ssn: '44' })
  })

  test('is refused where the column still holds plaintext, and nothing is written', async () => {
    await sealed(prisma)
    const call = () => newer.patient.update({ where: { id: 'v' }, data: { fullName: 'V2' } })
    await expectRefusal(sql, call, { code: 'PLAINTEXT_FOUND', model: 'Patient', field: 'ward', primaryKey: { id: 'v' } })
  })

  test('takes in the field whose plaintext is written anew', async () => {
    await sealed(prisma, { notes: 'kept' })
    await newer.patient.update({ where: { id: 'v' }, data: { ward: 'sealed now' } })
    expect(await read(newer)).toMatchObject({ fullName: 'V', ward: 'sealed now', notes: 'kept' })
    expect(await sql(`SELECT ward FROM "Patient" WHERE id = 'v'`)).toEqual([{ ward: '*' }])
  })
})
