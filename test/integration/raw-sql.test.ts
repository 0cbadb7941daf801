import { EnvelopeError } from 'prisma-envelope'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { Prisma } from '../support/client.ts'
import { createEncryptedClient, type EncryptedClient, extend } from '../support/encrypted-client.ts'
import { seedHospital } from '../support/hospital.ts'
import { createWatchedClient } from '../support/query-log.ts'
import { written } from '../support/written.ts'

const setup = await createEncryptedClient('raw_sql', { raw: 'allow' })
const { prisma, client, sql, database } = setup
await seedHospital(prisma)

const warnings: (Error & { code?: string })[] = []
const remember = (warning: Error) => void (warning.name === 'PrismaEnvelopeWarning' && warnings.push(warning))
process.on('warning', remember)
afterAll(() => void process.off('warning', remember))
afterEach(() => void warnings.splice(0))

/** Warnings are emitted on the next tick. */
async function warned(): Promise<string[]> {
  await new Promise((resolve) => setImmediate(resolve))
  return warnings.map(({ message }) => message)
}

type Call = (db: EncryptedClient, id: string) => Promise<unknown>

/** Every form of raw SQL; none changes a row. */
const forms: Record<string, Call> = {
  $queryRaw: (db, id) => db.$queryRaw`SELECT "fullName" FROM "Patient" WHERE id = ${id}`,
  '$queryRaw of Prisma.sql': (db, id) => db.$queryRaw(Prisma.sql`SELECT "fullName", id FROM "Patient" WHERE id = ${id}`),
  $queryRawUnsafe: (db, id) => db.$queryRawUnsafe('SELECT * FROM "Patient" WHERE id = $1', id),
  $executeRaw: (db, id) => db.$executeRaw`UPDATE "Patient" SET "fullName" = "fullName" WHERE id = ${id}`,
  '$executeRaw of Prisma.sql': (db, id) => db.$executeRaw(Prisma.sql`UPDATE "Patient" SET notes = notes WHERE id = ${id}`),
  $executeRawUnsafe: (db, id) => db.$executeRawUnsafe('UPDATE "Patient" SET "ssn" = "ssn" WHERE id = $1', id),
}

describe.each(Object.entries(forms))('%s', (title, call) => {
  const operation = title.split(' ')[0]

  test('warns once for each text, by default, and runs', async () => {
    const warning = client({ raw: undefined })
    const result = await call(warning, 'ada')
    expect(written(result)).toBe(written(await call(prisma, 'ada')))
    expect(await warned()).toEqual([
      expect.stringMatching(new RegExp(`^Patient in \\${operation}: raw SQL names the encrypted column `)),
    ])
    expect(warnings[0]?.code).toBe('PRISMA_ENVELOPE_RAW_SQL')
    await call(warning, 'bob')
    expect(await warned()).toHaveLength(1)
  })

  test('throws under `throw`, before anything is sent', async () => {
    const { bare, queriesOf } = createWatchedClient(setup)
    const throwing = extend(bare, { keys: setup.keys, indexKey: setup.indexKey, raw: 'throw' })
    const queries = await queriesOf(async () => {
      await expect(call(throwing, 'ada')).rejects.toMatchObject({
        name: 'EnvelopeError',
        code: 'UNSUPPORTED',
        model: 'Patient',
        operation,
        message: expect.not.stringContaining('ada'),
      })
    })
    expect(queries).toEqual([])
  })

  test('throws in transactions too', async () => {
    const throwing = client({ raw: 'throw' })
    await throwing.$transaction(async (tx) => {
      await expect(call(tx as EncryptedClient, 'ada')).rejects.toThrow(EnvelopeError)
    })
    const batch = throwing.$transaction([
      throwing.plain.create({ data: { name: 'never' } }),
      call(throwing, 'ada') as ReturnType<typeof throwing.plain.count>,
    ])
    await expect(batch).rejects.toThrow(EnvelopeError)
    expect(await throwing.plain.count({ where: { name: 'never' } })).toBe(0)
  })

  test('says nothing under `allow`', async () => {
    await call(prisma, 'ada')
    expect(await warned()).toEqual([])
  })
})

describe('what is not about encrypted columns', () => {
  test('passes, whatever the policy', async () => {
    const throwing = client({ raw: 'throw' })
    expect(await throwing.$queryRaw`SELECT ward FROM "Patient" WHERE id = 'ada'`).toEqual([{ ward: 'A1' }])
    expect(await throwing.$queryRaw`SELECT count(*)::int AS patients FROM "Patient"`).toEqual([{ patients: 4 }])
    expect(await throwing.$queryRawUnsafe('SELECT * FROM "Plain" WHERE id = $1', 1)).toMatchObject([{ name: 'one' }])
    expect(await throwing.$executeRaw`UPDATE "Plain" SET count = count + 1`).toBe(2)
  })
})

test('each text that names encrypted columns has a warning of its own', async () => {
  const warning = client({ raw: 'warn' })
  for (const column of ['code_text', 'descr', 'condition_envelope', 'code_text']) {
    await warning.$queryRawUnsafe(`SELECT ${column} FROM conditions`)
  }
  expect((await warned()).map((message) => /encrypted column (\w+)/.exec(message)?.[1])).toEqual([
    'code_text',
    'descr',
    'condition_envelope',
  ])
})

describe('$envelope.token', () => {
  test('is what the column holds', async () => {
    const [row] = await sql(`SELECT email, ssn FROM "Patient" WHERE id = 'ada'`)
    expect(await prisma.$envelope.token('Patient.email', ' ADA@example.org')).toBe(row?.['email'])
    expect(await prisma.$envelope.token('Patient.ssn', '111-11-1111')).toBe(row?.['ssn'])
  })

  test('finds rows by raw SQL, in transactions too', async () => {
    const token = await prisma.$envelope.token('Condition.code', 'J11')
    await prisma.$transaction(async (tx) => {
      expect(await tx.$queryRaw`SELECT condition_id AS id FROM conditions WHERE code_text = ${token} ORDER BY 1`).toEqual([
        { id: 1 },
        { id: 3 },
        { id: 5 },
      ])
    })
  })

  test('takes the scope of a scoped field, by the names of its fields', async () => {
    const rows = await sql<{ id: string; email: string }>('SELECT id, email FROM "Member" ORDER BY id')
    const tokens = await Promise.all(
      [1, 2].map((tenantId) => prisma.$envelope.token('Member.email', 'EVE@example.org', { tenantId })),
    )
    expect(tokens).toEqual([rows[0]?.email, rows[2]?.email])
  })

  test.each<[string, () => Promise<string>, object]>([
    ['no scope', () => prisma.$envelope.token('Member.email', 'x'), { code: 'UNSUPPORTED', model: 'Member', field: 'email' }],
    [
      'a scope of another type',
      () => prisma.$envelope.token('Member.email', 'x', { tenantId: 'one' }),
      { code: 'INVALID_VALUE', model: 'Member', field: 'tenantId' },
    ],
    [
      'a field that is not searchable',
      () => prisma.$envelope.token('Patient.fullName', 'x'),
      { code: 'UNSUPPORTED', field: 'fullName' },
    ],
    ['a field that is not encrypted', () => prisma.$envelope.token('Patient.ward', 'x'), { code: 'CONFIG' }],
    ['a column name', () => prisma.$envelope.token('conditions.code_text', 'x'), { code: 'CONFIG' }],
    ['a field without model', () => prisma.$envelope.token('email', 'x'), { code: 'CONFIG' }],
    ['a value of another type', () => prisma.$envelope.token('Patient.ssn', 5 as never), { code: 'INVALID_VALUE', field: 'ssn' }],
    ['null', () => prisma.$envelope.token('Patient.ssn', null as never), { code: 'INVALID_VALUE', field: 'ssn' }],
  ])('refuses %s', async (_, token, error) => {
    await expect(token()).rejects.toMatchObject({ name: 'EnvelopeError', ...error })
  })
})

describe('$envelope.reveal', () => {
  const rowsOf = (table: string) => prisma.$queryRawUnsafe<Record<string, unknown>[]>(`SELECT * FROM "${table}" ORDER BY 1`)

  test('opens rows under the names of their columns', async () => {
    const [first] = await prisma.$envelope.reveal('Condition', await rowsOf('conditions'))
    expect(first).toEqual({
      condition_id: 1,
      patient_id: 'ada',
      code_text: 'J11',
      descr: 'flu',
      severity: 3,
      started_at: new Date('2024-02-29T08:30:00.000Z'),
    })
  })

  test('opens rows under the names of their fields, and keeps whatever else is in them', async () => {
    const rows = await prisma.$queryRaw<Record<string, unknown>[]>`
      SELECT condition_id AS id, patient_id AS "patientId", code_text AS code, condition_envelope AS envelope, 7 AS seven
      FROM conditions WHERE patient_id = 'bob'`
    expect(await prisma.$envelope.reveal('Condition', rows)).toEqual([{ id: 3, patientId: 'bob', code: 'J11', seven: 7 }])
  })

  test('opens what an interactive transaction reads', async () => {
    const rows = await prisma.$transaction((tx) => tx.$queryRaw<Record<string, unknown>[]>`SELECT * FROM "Contact" ORDER BY id`)
    expect(await prisma.$envelope.reveal('Contact', rows)).toMatchObject([
      { familyName: 'Gilbert', backupEmail: 'hal@example.org' },
      { familyName: 'Hall' },
      { familyName: 'Ivory', backupEmail: null, street: '3 High Street' },
    ])
    expect(await prisma.$envelope.reveal('Contact', [])).toEqual([])
  })

  test('gives the values that a read of Prisma gives, of every type and under every kind of key', async () => {
    const json = { a: [1, null] }
    const numbers = { int: 1, bigInt: 2n, float: 0.5, decimal: '1.10' }
    const others = {
      string: 'x',
      boolean: true,
      dateTime: new Date(1),
      json,
      bytes: new Uint8Array([1, 2]),
      mood: 'SAD',
    } as const
    const lists = { stringList: ['a'], decimalList: ['1.5'], moodList: ['EXCITED' as const], jsonList: [json] }
    await prisma.allTypes.create({ data: { ...numbers, ...others, ...lists } })
    await prisma.charKey.create({ data: { id: 'abc', secret: 's' } })
    await prisma.bigIntKey.create({ data: { id: 2n ** 60n, secret: 's' } })
    await prisma.dateTimeKey.create({ data: { at: new Date('2024-01-01T00:00:00.123Z'), secret: 's' } })
    await prisma.enumKey.create({ data: { mood: 'EXCITED', secret: 's' } })
    await prisma.compoundKey.create({ data: { region: 'north', number: 5, secret: 's' } })
    await prisma.uuid7Key.create({ data: { secret: 's' } })

    const encrypted = Object.keys(await prisma.allTypes.findFirstOrThrow({ omit: { id: true } }))
    const [row] = await prisma.$envelope.reveal('AllTypes', await rowsOf('all_types'))
    const read: Record<string, unknown> = await prisma.allTypes.findFirstOrThrow()
    for (const field of encrypted) expect(`${field} ${written(row?.[field])}`).toBe(`${field} ${written(read[field])}`)
    for (const model of ['CharKey', 'BigIntKey', 'DateTimeKey', 'EnumKey', 'CompoundKey', 'Uuid7Key']) {
      expect(await prisma.$envelope.reveal(model, await rowsOf(model)), model).toMatchObject([{ secret: 's' }])
    }
  })

  describe('of hostile rows:', () => {
    const bobs = async () => (await sql(`SELECT * FROM "Patient" WHERE id = 'bob'`))[0] ?? {}
    const at = { model: 'Patient', operation: '$envelope.reveal', primaryKey: { id: 'bob' } }
    const cases: Record<string, [change: object, error: object]> = {
      'the envelope of another row': [{ id: 'ada' }, { ...at, code: 'CANNOT_OPEN', primaryKey: { id: 'ada' } }],
      'an empty envelope': [{ envelope: {} }, { ...at, code: 'CANNOT_OPEN' }],
      'an envelope of text': [{ envelope: '{"v":1}' }, { ...at, code: 'CANNOT_OPEN' }],
      'an envelope of version 2': [{ envelope: { v: 2 } }, { ...at, code: 'CANNOT_OPEN' }],
      'no envelope': [{ envelope: null }, { ...at, code: 'PLAINTEXT_FOUND' }],
      'a value where the envelope holds null': [{ notes: 'Trust me' }, { ...at, code: 'FOREIGN_WRITE', field: 'notes' }],
      'an envelope that was not selected': [
        { envelope: undefined },
        { code: 'INVALID_VALUE', model: 'Patient', field: 'envelope' },
      ],
      'a key that was not selected': [{ id: undefined }, { code: 'INVALID_VALUE', model: 'Patient', field: 'id' }],
    }

    test.each(Object.entries(cases))('%s', async (_, [change, error]) => {
      const row = Object.fromEntries(Object.entries({ ...(await bobs()), ...change }).filter(([, value]) => value !== undefined))
      const failure: unknown = await prisma.$envelope.reveal('Patient', [row]).catch((thrown: unknown) => thrown)
      expect(failure).toMatchObject({ name: 'EnvelopeError', ...error })
      expect(String(failure)).not.toContain('Trust me')
    })

    test('rows of another model', async () => {
      await expect(prisma.$envelope.reveal('CuidKey', [await bobs()])).rejects.toMatchObject({
        code: 'CANNOT_OPEN',
        model: 'CuidKey',
      })
      await expect(prisma.$envelope.reveal('Doctor', [await bobs()])).rejects.toMatchObject({
        code: 'INVALID_VALUE',
        model: 'Doctor',
      })
    })

    test.each([[null], ['a row'], [5], [[]]])('a row that is %j', async (row) => {
      await expect(prisma.$envelope.reveal('Patient', [row as never])).rejects.toMatchObject({
        code: 'INVALID_VALUE',
        model: 'Patient',
      })
    })

    test.each(['Plain', 'patients', ''])('the model "%s"', async (model) => {
      await expect(prisma.$envelope.reveal(model, [])).rejects.toMatchObject({ code: 'CONFIG' })
    })
  })

  test('leaves the rows that it was given as they are', async () => {
    const [row] = await sql(`SELECT * FROM "Doctor" ORDER BY id`)
    const before = written(row)
    await prisma.$envelope.reveal('Doctor', [Object.freeze(row) ?? {}])
    expect(written(row)).toBe(before)
  })
})

test('raw SQL reads placeholders and tokens', async () => {
  const text = written(await prisma.$queryRawUnsafe('SELECT * FROM "Patient"'))
  expect(text).toContain("fullName: '*'")
  expect(text).not.toMatch(/Lovelace|example\.org/)
  expect(database.url).toContain('raw_sql')
})
