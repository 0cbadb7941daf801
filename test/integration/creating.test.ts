import { describe, expect, test } from 'vitest'
import type { Prisma as Types } from '../generated/7/client/client.ts'
import { models, Prisma, variant } from '../support/client.ts'
import type { EncryptedClient } from '../support/encrypted-client.ts'
import { createWatchedClient } from '../support/query-log.ts'
import { deepFrozen, expectRefusal, failureOf } from '../support/refused.ts'
import { createTwins } from '../support/twins.ts'
import { outcomeOf } from '../support/written.ts'

const { prisma, twin, bare, sql, kms, client, database, keys, indexKey } = await createTwins('creating')

const DAY = new Date('2024-02-29T08:30:00.000Z')

/** A patient with a key and an address of its own. */
function patient(id: string, more: Partial<Types.PatientCreateInput> = {}): Types.PatientCreateInput {
  return { id, email: `${id}@example.org`, fullName: `Name of ${id}`, ward: 'B2', createdAt: DAY, ...more }
}

function condition(code: string): Types.ConditionCreateWithoutPatientInput {
  return { code, description: `about ${code}`, startedAt: DAY }
}

/** Runs `call` on both clients, and wants the same answer, at once and when read again. */
async function createsLikePlain(
  call: (db: EncryptedClient) => Promise<unknown>,
  readAgain: (db: EncryptedClient) => Promise<unknown>,
) {
  const expected = await outcomeOf(() => call(twin))
  expect(expected).toMatch(/^returned /)
  expect(await outcomeOf(() => call(prisma))).toBe(expected)
  const read = await outcomeOf(() => readAgain(twin))
  expect(read).toMatch(/^returned (?!\[\]|null)/)
  expect(await outcomeOf(() => readAgain(prisma))).toBe(read)
  expect(await outcomeOf(() => readAgain(client()))).toBe(read)
}

const isText = (value: unknown) => typeof value === 'string' && value.length > 0

describe('every new row', () => {
  interface Stored extends Record<string, unknown> {
    readonly envelope: { readonly wk: string; readonly dek: string; readonly ct: string }
  }

  test('has a DEK and an envelope of its own, all of a run under one branch key', async () => {
    kms.resetLog()
    const wards = client()
    await wards.givenKey.createMany({ data: Array.from({ length: 50 }, (_, i) => ({ id: `row ${i}`, secret: 'the same' })) })
    await wards.givenKey.create({ data: { id: 'row 50', secret: 'the same' } })
    await wards.givenKey.createManyAndReturn({ data: [{ id: 'row 51', secret: 'the same' }] })
    expect(kms.calls).toEqual({ GenerateDataKey: 1 })
    const envelopes = (await sql<Stored>(`SELECT envelope FROM "GivenKey" WHERE id LIKE 'row %'`)).map(({ envelope }) => envelope)
    expect(envelopes).toHaveLength(52)
    expect(new Set(envelopes.map(({ wk }) => wk)).size).toBe(1)
    expect(new Set(envelopes.map(({ dek }) => dek)).size).toBe(52)
    expect(new Set(envelopes.map(({ ct }) => ct)).size).toBe(52)
  })

  test('has an envelope, even if all its values are null', async () => {
    const { id } = await prisma.wide.create({ data: { c001: null } })
    const [row] = await sql<Stored>(`SELECT envelope FROM "Wide" WHERE id = ${id}`)
    expect(row?.envelope.ct).toSatisfy(isText)
  })

  test.each([
    ['without arguments', undefined],
    ['without data', {}],
    ['with undefined data', { data: undefined }],
  ])('has an envelope when create is called %s', async (_, args) => {
    // Prisma's types let `data` out where no field is required.
    const { id } = await prisma.wide.create(args as unknown as Types.WideCreateArgs)
    const [row] = await sql<Stored>(`SELECT envelope FROM "Wide" WHERE id = ${id}`)
    expect(row?.envelope.ct).toSatisfy(isText)
    expect(await prisma.wide.findUnique({ where: { id } })).toMatchObject({ c001: null, c200: null })
  })

  test('costs nothing when there is none: createMany of no rows asks neither KMS nor database', async () => {
    kms.resetLog()
    const cold = client()
    expect(await cold.patient.createMany({ data: [] })).toEqual({ count: 0 })
    expect(await cold.patient.createManyAndReturn({ data: [] })).toEqual([])
    expect(kms.calls).toEqual({})
  })

  test('holds placeholders and tokens where plain Prisma has values, and NULL where it has NULL', async () => {
    const data = patient('columns', { ssn: '123', history: Prisma.JsonNull, notes: null })
    await prisma.patient.create({ data })
    const token = expect.stringMatching(/^~[\w-]{4}\.[\w-]{43}$/)
    expect(await bare.patient.findUnique({ where: { id: 'columns' } })).toEqual({
      id: 'columns',
      email: token,
      ssn: token,
      fullName: '*',
      birthDate: null,
      history: {},
      notes: null,
      ward: 'B2',
      createdAt: DAY,
      doctorId: null,
    })
    await prisma.patient.delete({ where: { id: 'columns' } })
  })
})

describe('keys that Prisma Client makes are made before sealing, in its own form:', () => {
  const uuid = (version: number) => new RegExp(`^[0-9a-f]{8}-[0-9a-f]{4}-${version}[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
  type Delegate = Pick<EncryptedClient['cuidKey'], 'create' | 'createMany' | 'createManyAndReturn' | 'findMany'>
  const generated: Record<string, [Delegate, RegExp]> = {
    'uuid(7)': [prisma.uuid7Key as unknown as Delegate, uuid(7)],
    'cuid()': [prisma.cuidKey, /^c[0-9a-z]{24}$/],
    'cuid(2)': [prisma.cuid2Key as unknown as Delegate, /^[a-z][0-9a-z]{23}$/],
    'ulid()': [prisma.ulidKey as unknown as Delegate, /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/],
    'nanoid(12)': [prisma.nanoidKey as unknown as Delegate, /^[\w-]{12}$/],
  }

  test.each(Object.entries(generated))('%s', async (_, [delegate, form]) => {
    const one = await delegate.create({ data: { secret: 'one' } })
    const [two, three] = await delegate.createManyAndReturn({ data: [{ secret: 'two' }, { secret: 'three' }] })
    await delegate.createMany({ data: [{ secret: 'four' }, { secret: 'five' }] })
    const all = await delegate.findMany()
    expect(all.map(({ secret }) => secret).sort()).toEqual(['five', 'four', 'one', 'three', 'two'])
    expect(all).toEqual(expect.arrayContaining([one, two, three]))
    for (const { id } of all) expect(id).toMatch(form)
    expect(new Set(all.map(({ id }) => id)).size).toBe(5)
  })

  test('uuid()', async () => {
    const { id } = await prisma.patient.create({ data: { email: 'uuid@example.org', fullName: 'U', ward: 'B2' } })
    expect(id).toMatch(uuid(4))
    expect(await prisma.patient.delete({ where: { id } })).toMatchObject({ fullName: 'U' })
  })

  test('now()', async () => {
    const { at } = await prisma.dateTimeKey.create({ data: { secret: 'just now' } })
    expect(await prisma.dateTimeKey.findUnique({ where: { at } })).toEqual({ at, secret: 'just now' })
  })
})

describe('keys that are given bind the row in the form in which PostgreSQL returns them:', () => {
  const upper = 'F47AC10B-58CC-4372-A567-0E02B2C3D479'
  const rows: Record<string, [(db: EncryptedClient) => Promise<unknown>, (db: EncryptedClient) => Promise<unknown>]> = {
    'a text': [
      (db) => db.givenKey.create({ data: { id: 'ß·given', secret: 's' } }),
      (db) => db.givenKey.findUnique({ where: { id: 'ß·given' } }),
    ],
    'a key over a default': [
      (db) => db.cuidKey.create({ data: { id: 'mine', secret: 's' } }),
      (db) => db.cuidKey.findUnique({ where: { id: 'mine' } }),
    ],
    'a uuid in capitals': [
      (db) => db.uuid7Key.create({ data: { id: upper, secret: 's' } }),
      (db) => db.uuid7Key.findUnique({ where: { id: upper } }),
    ],
    'a Char that is padded': [(db) => db.charKey.create({ data: { id: 'abc', secret: 's' } }), (db) => db.charKey.findMany()],
    'a BigInt': [
      (db) =>
        db.bigIntKey.createManyAndReturn({
          data: [
            { id: 2n ** 63n - 1n, secret: 's' },
            { id: -5, secret: 't' },
          ],
        }),
      (db) => db.bigIntKey.findMany({ orderBy: { id: 'asc' } }),
    ],
    'a DateTime as text with an offset': [
      (db) => db.dateTimeKey.create({ data: { at: '2024-02-29T23:30:00.123+05:30', secret: 's' } }),
      (db) => db.dateTimeKey.findUnique({ where: { at: new Date('2024-02-29T18:00:00.123Z') } }),
    ],
    'an enum with a mapped value': [
      (db) => db.enumKey.create({ data: { mood: 'EXCITED', secret: 's' } }),
      (db) => db.enumKey.findMany(),
    ],
    'a compound key': [
      (db) =>
        db.compoundKey.createManyAndReturn({
          data: [
            { region: 'eu', number: 1, secret: 's' },
            { region: 'eu', number: 2, secret: 't' },
          ],
        }),
      (db) => db.compoundKey.findUnique({ where: { region_number: { region: 'eu', number: 2 } } }),
    ],
    'a compound key of which the database makes half': [
      (db) => db.mixedKey.create({ data: { region: 'eu', secret: 's' } }),
      (db) => db.mixedKey.findUnique({ where: { place: { region: 'eu', number: 1 } } }),
    ],
    'a key of the database': [
      (db) => db.bigSerialKey.create({ data: { secret: 's' } }),
      (db) => db.bigSerialKey.findUnique({ where: { id: 1 } }),
    ],
    'no primary key': [
      (db) => db.uniqueOnly.create({ data: { slug: 'a', secret: 's' } }),
      (db) => db.uniqueOnly.findUnique({ where: { slug: 'a' } }),
    ],
  }
  test.each(Object.entries(rows))('%s', async (_, [create, read]) => createsLikePlain(create, read))

  test('a key that is missing is asked for', async () => {
    const data = { secret: 's' } as Types.GivenKeyCreateInput
    await expectRefusal(sql, () => prisma.givenKey.create({ data }), {
      code: 'INVALID_VALUE',
      model: 'GivenKey',
      field: 'id',
      operation: 'create',
    })
  })
})

describe('literal defaults are applied before sealing:', () => {
  const rows: Record<string, (db: EncryptedClient) => Promise<unknown>> = {
    'to a row without data': (db) => db.defaults.create({}),
    'to a row of empty data': (db) => db.defaults.create({ data: {} }),
    'to fields that are undefined': (db) =>
      db.defaults.create({ data: { string: undefined, int: undefined, list: undefined, city: undefined } }),
    'not to fields that are given': (db) =>
      db.defaults.create({ data: { string: '', int: 0, boolean: false, list: [], city: 'Bergen' } }),
    'to each of many rows': (db) => db.defaults.createManyAndReturn({ data: [{}, { string: 'x' }, { int: 1, json: [null] }] }),
    'to many rows that are not returned': (db) =>
      db.defaults.createMany({ data: [{}, { mood: 'SAD', bytes: new Uint8Array([1]) }] }),
  }
  test.each(Object.entries(rows))('%s', async (_, create) =>
    createsLikePlain(create, (db) => db.defaults.findMany({ orderBy: { id: 'asc' } })),
  )

  test('and a default is found like any other value', async () => {
    expect(await prisma.defaults.count({ where: { city: 'Oslo' } })).toBe(await twin.defaults.count({ where: { city: 'Oslo' } }))
    expect(await bare.defaults.findFirst({ where: { string: 'n/a' } })).toBeNull()
  })
})

describe('what a create nests is sealed at every depth:', () => {
  const whole = { conditions: { orderBy: { id: 'asc' } }, profile: true, tags: { orderBy: { id: 'asc' } }, doctor: true } as const
  const readPatients = (db: EncryptedClient) => db.patient.findMany({ include: whole, orderBy: { id: 'asc' } })
  const readCategories = (db: EncryptedClient) => db.category.findMany({ orderBy: { id: 'asc' } })
  const readMembers = (db: EncryptedClient) => db.member.findMany({ include: { tenant: true }, orderBy: { id: 'asc' } })
  const HOUSE = '0b3e4e8a-5d5f-4a4e-8d0f-1f6f5a1c2d3e'

  const cases: Record<string, [(db: EncryptedClient) => Promise<unknown>, (db: EncryptedClient) => Promise<unknown>]> = {
    'three levels down, to many, to one and many to many': [
      (db) =>
        db.doctor.create({
          data: {
            id: HOUSE,
            name: 'Gregory House',
            patients: {
              create: [
                patient('deep-1', {
                  conditions: { create: [condition('A1'), condition('A2')] },
                  profile: { create: { phone: '1' } },
                }),
                patient('deep-2', {
                  tags: {
                    create: [{ label: 'new' }],
                    connectOrCreate: [{ where: { label: 'also' }, create: { label: 'also' } }],
                  },
                }),
              ],
            },
          },
          include: { patients: { include: whole, orderBy: { id: 'asc' } } },
        }),
      readPatients,
    ],
    'three levels up, from the side that holds the foreign key': [
      (db) =>
        db.condition.create({
          data: {
            ...condition('B1'),
            patient: { create: patient('up', { doctor: { create: { id: HOUSE.replace('0', '1'), name: 'Up' } } }) },
          },
          include: { patient: { include: { doctor: true } } },
        }),
      readPatients,
    ],
    'by createMany': [
      (db) =>
        db.patient.create({
          data: patient('many', {
            conditions: { createMany: { data: [condition('C1'), condition('C2')], skipDuplicates: true } },
          }),
          include: whole,
        }),
      readPatients,
    ],
    'one row where a list would do': [
      (db) => db.patient.create({ data: patient('single', { conditions: { create: condition('C3') } }), include: whole }),
      readPatients,
    ],
    'with a shared key, from the side that does not hold it': [
      (db) => db.patient.create({ data: patient('shared-1', { profile: { create: { phone: '2', bio: 'b' } } }), include: whole }),
      readPatients,
    ],
    'with a shared key, from the side that holds it': [
      (db) => db.profile.create({ data: { phone: '3', patient: { create: patient('shared-2') } }, include: { patient: true } }),
      readPatients,
    ],
    'with a shared key of a row that is there': [
      (db) => db.profile.create({ data: { phone: '4', patient: { connect: { id: 'single' } } }, include: { patient: true } }),
      readPatients,
    ],
    'from the other side of a many-to-many relation': [
      (db) =>
        db.tag.create({
          data: { label: 'from here', patients: { create: [patient('tagged', { conditions: { create: [condition('D1')] } })] } },
          include: { patients: { include: whole } },
        }),
      readPatients,
    ],
    'through a relation of a model with itself, both ways': [
      (db) =>
        db.category.create({
          data: {
            name: 'middle',
            parent: { create: { name: 'top' } },
            children: { create: [{ name: 'leaf', children: { create: { name: 'leaf of leaf' } } }, { name: 'other leaf' }] },
          },
          include: { parent: true, children: { include: { children: true }, orderBy: { id: 'asc' } } },
        }),
      readCategories,
    ],
    'beside rows that are connected by a token': [
      (db) =>
        db.doctor.create({
          data: {
            id: HOUSE.replace('0', '2'),
            name: 'Two',
            patients: { connect: [{ email: 'single@example.org' }, { id: 'many' }] },
          },
        }),
      readPatients,
    ],
    'bound to a foreign key given as a column': [
      (db) => db.condition.create({ data: { ...condition('E1'), patientId: 'single' }, include: { patient: true } }),
      readPatients,
    ],
    'bound to the key of a connected row': [
      (db) => db.condition.create({ data: { ...condition('E2'), patient: { connect: { id: 'single' } } } }),
      readPatients,
    ],
    'bound to the key of a row that a token connects': [
      (db) => db.condition.create({ data: { ...condition('E3'), patient: { connect: { email: 'single@example.org' } } } }),
      readPatients,
    ],
    'bound to a parent whose key is given, though the database could make it': [
      (db) =>
        db.tenant.create({
          data: {
            id: 77,
            name: 'T',
            members: {
              create: [{ id: 'm1', email: 'm1@example.org' }],
              createMany: { data: [{ id: 'm2', email: 'm2@example.org' }] },
            },
          } as Types.TenantCreateInput,
          include: { members: { orderBy: { id: 'asc' } } },
        }),
      readMembers,
    ],
    'bound to a connected parent with a key of the database': [
      (db) => db.member.create({ data: { id: 'm3', email: 'm3@example.org', tenant: { connect: { id: 77 } } } }),
      readMembers,
    ],
    'below an upsert of a model without encrypted fields': [
      (db) =>
        db.tag.upsert({
          where: { label: 'upserted' },
          create: { label: 'upserted', patients: { create: [patient('upserted')] } },
          update: { label: 'never' },
          include: { patients: true },
        }),
      readPatients,
    ],
    'below an update of a model without encrypted fields': [
      (db) =>
        db.tag.update({
          where: { label: 'upserted' },
          data: { patients: { create: [patient('updated')] } },
          include: { patients: { orderBy: { id: 'asc' } } },
        }),
      readPatients,
    ],
    'below an update of a row whose key is in its where': [
      (db) =>
        db.patient.update({
          where: { id: 'updated' },
          data: { ward: 'C3', conditions: { create: condition('F1') } },
          include: whole,
        }),
      readPatients,
    ],
    'where arguments are undefined throughout': [
      (db) =>
        db.patient.create({
          data: {
            ...patient('undefined'),
            ssn: undefined,
            history: undefined,
            conditions: { create: undefined, connect: undefined },
            profile: undefined,
            doctor: { connect: undefined },
            tags: {},
          },
          include: undefined,
          select: undefined,
        }),
      readPatients,
    ],
  }
  test.each(Object.entries(cases))('%s', async (_, [create, read]) => createsLikePlain(create, read))

  test.runIf(variant !== '6')('where arguments are Prisma.skip', async () => {
    const { skip } = Prisma as never as { readonly skip: undefined }
    const data = { ...patient('skip'), ssn: skip, history: skip, conditions: { create: skip } }
    await createsLikePlain((db) => db.patient.create({ data }), readPatients)
  })

  test('no row of it holds plaintext', async () => {
    for (const text of ['Name of', 'about ', 'House', 'leaf', '@example.org']) {
      const found = await sql(
        `SELECT 1 FROM (SELECT p::text FROM "Patient" p UNION ALL SELECT c::text FROM conditions c UNION ALL SELECT d::text FROM "Doctor" d
         UNION ALL SELECT g::text FROM "Category" g UNION ALL SELECT m::text FROM "Member" m) rows (row) WHERE row LIKE '%${text}%'`,
      )
      expect(found).toEqual([])
    }
  })
})

describe('a row bound to one that is found by a token', () => {
  const create = (db: EncryptedClient, email: string) =>
    db.badge.create({ data: { motto: `of ${email}`, owner: { connect: { email } } }, include: { owner: true } })

  test('is attached to it, and to none where plain Prisma finds none', async () => {
    for (const db of [prisma, twin]) {
      await db.person.createMany({
        data: ['known', 'other'].map((id) => ({ id, email: `${id}@person.org`, name: id })),
      })
    }
    for (const email of ['known@person.org', 'nobody@person.org']) {
      expect(await outcomeOf(() => create(prisma, email))).toBe(await outcomeOf(() => create(twin, email)))
    }
    expect(await client().badge.count()).toBe(1)
  })

  test('is looked for by the token alone', async () => {
    const { prisma: watched, queriesOf } = createWatchedClient({ database, keys, indexKey })
    for (const email of ['other@person.org', 'nobody@person.org']) {
      const queries = await queriesOf(() => create(watched as EncryptedClient, email).catch(() => {}))
      expect(queries.length).toBeGreaterThan(1)
      expect(JSON.stringify(queries)).not.toContain(email)
    }
  })
})

describe('a row bound to an optional foreign key', () => {
  const { Category } = models
  const { parent } = Category.relations
  const boundTo = (relation: Partial<typeof parent>, opposite: object = {}) => {
    const relations = {
      ...Category.relations,
      parent: { ...parent, ...relation },
      children: { ...Category.relations['children'], ...opposite },
    }
    const envelope = { field: 'envelope', column: 'envelope', bind: ['parentId'] }
    return client({ models: { ...models, Category: { ...Category, relations, envelope } } as typeof models })
  }
  const bound = boundTo({ onDelete: 'Cascade', onUpdate: 'Cascade' })

  test.each([
    ['SetNull', () => boundTo({ onDelete: 'SetNull', onUpdate: 'Cascade' })],
    ['SetDefault', () => boundTo({ onDelete: 'Cascade', onUpdate: 'SetDefault' })],
    // Prisma Client detaches the row that was there before.
    ['one-to-one', () => boundTo({ onDelete: 'Cascade', onUpdate: 'Cascade' }, { list: undefined })],
  ])('is refused where it may become NULL unseen: %s', (_, configure) => {
    expect(configure).toThrow(expect.objectContaining({ code: 'CONFIG', model: 'Category', field: 'parentId' }))
  })

  test('opens where the database makes the key of its parent', async () => {
    const data = { name: 'parent', children: { create: { name: 'child' } } }
    const above = await bound.category.create({ data, include: { children: true } })
    const below = await bound.category.create({ data: { name: 'leaf', parent: { create: { name: 'made' } } } })
    expect(
      await bound.category.findMany({ where: { id: { in: [above.id, below.id] } }, include: { children: true, parent: true } }),
    ).toEqual([
      { id: above.id, name: 'parent', parentId: null, parent: null, children: above.children },
      { ...below, parent: { id: below.parentId, name: 'made', parentId: null }, children: [] },
    ])
    expect(above.children).toMatchObject([{ name: 'child', parentId: above.id }])
  })

  test('opens where the parent is known, and where there is none', async () => {
    const root = await bound.category.create({ data: { name: 'root' } })
    const leaf = await bound.category.create({ data: { name: 'leaf', parent: { connect: { id: root.id } } } })
    const under = await bound.category.update({
      where: { id: root.id },
      data: { children: { create: { name: 'under' } } },
      include: { children: true },
    })
    expect(await bound.category.findMany({ where: { parentId: root.id }, orderBy: { id: 'asc' } })).toEqual([
      { id: leaf.id, name: 'leaf', parentId: root.id },
      ...under.children.filter(({ id }) => id !== leaf.id),
    ])
    expect(await bound.category.update({ where: { id: leaf.id }, data: { parent: { disconnect: true } } })).toMatchObject({
      name: 'leaf',
      parentId: null,
    })
    expect(await bound.category.findUnique({ where: { id: leaf.id } })).toMatchObject({ name: 'leaf', parentId: null })
  })
})

describe('where two relations share what a row is bound to, it is Prisma that judges:', () => {
  const { Condition, Profile } = models
  const twice = client({
    models: {
      ...models,
      // As if two relations shared the foreign key.
      Condition: {
        ...Condition,
        relations: {
          ...Condition.relations,
          profile: { model: 'Profile', opposite: 'conditions', from: ['patientId'], to: ['patientId'] },
        },
      },
      Profile: {
        ...Profile,
        relations: {
          ...Profile.relations,
          conditions: { model: 'Condition', opposite: 'profile', list: true, from: [], to: [] },
        },
      },
    },
  })
  test.each([
    ['they say the same', 'single'],
    ['they say different things', 'many'],
  ])('%s', async (_, patientId) => {
    const data = { ...condition('X'), patient: { connect: { id: 'single' } }, profile: { connect: { patientId } } }
    const error = await failureOf(sql, () => twice.condition.create({ data: data as never }))
    expect(error.name).toBe('PrismaClientValidationError')
    expect(error.message).not.toContain(data.description)
  })
})

describe('input that is no value of the model is refused, and nothing is written:', () => {
  const cases: Record<string, [() => Promise<unknown>, string]> = {
    'the envelope': [() => prisma.patient.create({ data: { ...patient('no'), envelope: {} } }), 'ENVELOPE_INPUT'],
    'an envelope of null': [
      () => prisma.patient.create({ data: { ...patient('no'), envelope: Prisma.DbNull } }),
      'ENVELOPE_INPUT',
    ],
    'the envelope of one of many rows': [
      () =>
        prisma.givenKey.createMany({
          data: [
            { id: 'no', secret: 's' },
            { id: 'no 2', secret: 's', envelope: {} },
          ],
        }),
      'ENVELOPE_INPUT',
    ],
    'the envelope of a nested row': [
      () => prisma.patient.create({ data: patient('no', { conditions: { create: { ...condition('X'), envelope: {} } } }) }),
      'ENVELOPE_INPUT',
    ],
    'a value of another type': [
      () => prisma.patient.create({ data: { ...patient('no'), fullName: 5 as never } }),
      'INVALID_VALUE',
    ],
    'an object for a text': [
      () => prisma.patient.create({ data: { ...patient('no'), fullName: { set: 'Name of', x: 1 } as never } }),
      'INVALID_VALUE',
    ],
    'a column as a value': [
      () => prisma.patient.create({ data: { ...patient('no'), fullName: prisma.patient.fields.ward as never } }),
      'UNSUPPORTED',
    ],
    'a column as the value of a Json field': [
      () => prisma.patient.create({ data: { ...patient('no'), history: prisma.patient.fields.ward as never } }),
      'INVALID_VALUE',
    ],
    arithmetic: [() => prisma.wide.create({ data: { c001: { increment: 1 } as never } }), 'UNSUPPORTED'],
  }
  test.each(Object.entries(cases))('%s', async (_, [call, code]) => {
    await expectRefusal(sql, call, { code: code as 'UNSUPPORTED' }, 'Name of')
  })
})

describe('what Prisma or PostgreSQL refuse is their own error, and nothing is written:', () => {
  const validation = { name: 'PrismaClientValidationError' }
  const violation = { name: 'PrismaClientKnownRequestError', code: 'P2002' }
  const without = (field: 'email' | 'fullName' | 'ward') => {
    const { [field]: _, ...data } = patient('no')
    return data as Types.PatientCreateInput
  }
  const cases: Record<string, [() => Promise<unknown>, object]> = {
    'null for a required field': [
      () => prisma.patient.create({ data: { ...patient('no'), fullName: null as never } }),
      validation,
    ],
    'null for a required searchable field': [
      () => prisma.patient.create({ data: { ...patient('no'), email: null as never } }),
      validation,
    ],
    'a required field that is missing': [() => prisma.patient.create({ data: without('fullName') }), validation],
    'a required searchable field that is missing': [() => prisma.patient.create({ data: without('email') }), validation],
    'a required plain field that is missing': [() => prisma.patient.create({ data: without('ward') }), validation],
    'a required field of one of many rows': [
      () => prisma.givenKey.createMany({ data: [{ id: 'no', secret: 's' }, { id: 'no 2' } as never] }),
      validation,
    ],
    'a required field of a nested row': [
      () => prisma.patient.create({ data: patient('no', { conditions: { create: { code: 'X' } as never } }) }),
      validation,
    ],
    'a field that there is not': [
      () => prisma.patient.create({ data: { ...patient('no'), nickname: 'x' } as never }),
      validation,
    ],
    'createMany without data': [() => prisma.wide.createMany({} as never), validation],
    'checked and unchecked input at once': [
      () =>
        prisma.condition.create({
          data: { ...condition('X'), patientId: 'single', patient: { connect: { id: 'single' } } } as never,
        }),
      validation,
    ],
    'a key that is taken': [() => prisma.patient.create({ data: { ...patient('single'), email: 'no@example.org' } }), violation],
    'a unique encrypted value that is taken': [
      () => prisma.patient.create({ data: { ...patient('no'), email: ' SINGLE@example.org' } }),
      violation,
    ],
    'a unique encrypted value that is taken, among many rows': [
      () =>
        prisma.member.createMany({
          data: [
            { tenantId: 77, email: 'new@example.org' },
            { tenantId: 77, email: 'M1@example.org ' },
          ],
        }),
      violation,
    ],
    'a parent that there is not': [
      () => prisma.condition.create({ data: { ...condition('X'), patientId: 'nobody' } }),
      { name: 'PrismaClientKnownRequestError', code: 'P2003' },
    ],
    'a connected parent that there is not': [
      () => prisma.condition.create({ data: { ...condition('X'), patient: { connect: { id: 'nobody' } } } }),
      { name: 'PrismaClientKnownRequestError', code: 'P2025' },
    ],
  }
  test.each(Object.entries(cases))('%s', async (_, [call, expected]) => {
    expect(await failureOf(sql, call)).toMatchObject(expected)
  })
})

describe('rows that are there already', () => {
  test('stay as they are where createMany skips duplicates, whether of a key or of a token', async () => {
    const before = await bare.patient.findMany({ where: { id: 'single' }, omit: { envelope: false } })
    const data = [
      patient('single', { fullName: 'Somebody else' }),
      { ...patient('new'), email: 'SINGLE@example.org' },
      patient('fresh'),
    ]
    const rows = data as Types.PatientCreateManyInput[]
    expect(await prisma.patient.createMany({ data: rows, skipDuplicates: true })).toEqual({ count: 1 })
    expect(await prisma.patient.createManyAndReturn({ data: rows, skipDuplicates: true })).toEqual([])
    expect(await bare.patient.findMany({ where: { id: 'single' }, omit: { envelope: false } })).toEqual(before)
    expect(await prisma.patient.findUnique({ where: { id: 'fresh' } })).toMatchObject({ fullName: 'Name of fresh' })
  })

  test('do not stand in the way of the same value under another scope', async () => {
    await prisma.tenant.create({ data: { id: 78, name: 'Other' } as Types.TenantCreateInput })
    await prisma.member.createMany({ data: [{ tenantId: 78, email: 'm1@example.org' }] })
    expect(await prisma.member.count({ where: { tenantId: 78, email: 'm1@example.org' } })).toBe(1)
  })
})

test('the arguments of the caller are not changed', async () => {
  const data = deepFrozen({
    ...patient('frozen'),
    history: { visits: [1, { ward: 'B2' }] },
    conditions: { create: [condition('G1')] },
    profile: { create: { phone: '5' } },
    tags: { create: [{ label: 'frozen' }] },
    doctor: { create: { name: 'Frozen', patients: undefined } },
  })
  await prisma.patient.create({ data, include: deepFrozen({ conditions: true }) })
  await prisma.patient.createMany({
    data: deepFrozen([patient('frozen 3'), patient('frozen 4')]) as Types.PatientCreateManyInput[],
  })
  await prisma.cuidKey.create({ data: deepFrozen({ secret: 's' }) })
  expect(await prisma.patient.count({ where: { id: { startsWith: 'frozen' } } })).toBe(3)
})
