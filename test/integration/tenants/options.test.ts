import { inspect } from 'node:util'
import { awsKms } from '@prisma-envelope/kms/aws'
import {
  type ContextOf,
  EnvelopeError,
  envelopeEncryption,
  type KeyOf,
  type RowIdentity,
  type RowOperation,
} from 'prisma-envelope'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { models, Prisma } from '../../support/client.ts'
import { createEncryptedClient } from '../../support/encrypted-client.ts'
import { seedHospital } from '../../support/hospital.ts'
import { kmsClient } from '../../support/kms-client.ts'
import { expectRefusal } from '../../support/refused.ts'

const { client, sql, kms, keys, indexKey } = await createEncryptedClient('context options')
const sdk = kmsClient(kms)
afterAll(() => sdk.destroy())
const own = awsKms({ name: 'own', keyId: (await kms.createKey()).arn, client: sdk })

let count = 0
function newcomer() {
  count += 1
  return { id: `p${count}`, email: `p${count}@example.org`, fullName: 'A secret name', ward: 'A1' }
}

describe.each(['context', 'key'] as const)('`%s`', (option) => {
  test('is told of each row that is sealed, never of an encrypted value, and can change nothing', async () => {
    const rows: RowIdentity[] = []
    const operations: RowOperation[] = []
    const db = client({
      [option]: (row: RowIdentity, operation: RowOperation) => {
        rows.push(row)
        operations.push(operation)
        return undefined
      },
    }).$envelope({ actor: 'nurse' })
    await seedHospital(db)
    expect(rows.length).toBeGreaterThan(15)
    const told = JSON.stringify([rows, operations])
    for (const secret of ['Lovelace', '@example.org', 'J11', 'back pain', 'House', 'Evie', '111-11'])
      expect(told).not.toContain(secret)
    const shapes = Object.fromEntries(rows.map((row) => [row.model, row]))
    expect(shapes).toMatchObject({
      Patient: { primaryKey: { id: expect.any(String) }, bound: { id: expect.any(String) } },
      Condition: { primaryKey: undefined, bound: { patientId: expect.any(String) } },
      Member: { primaryKey: { id: 'm3' }, bound: { id: 'm3', tenantId: '2' } },
      Contact: { primaryKey: undefined, bound: {} },
      Doctor: { primaryKey: { id: expect.stringMatching(/^[0-9a-f-]{36}$/) } },
    })
    expect(new Set(operations.map(({ name }) => name))).toEqual(new Set(['createMany', 'create']))
    expect(operations.every(({ settings }) => settings['actor'] === 'nurse')).toBe(true)
    for (const given of [rows[0], rows[0]?.bound, rows[0]?.primaryKey, operations[0], operations[0]?.settings]) {
      expect(Object.isFrozen(given)).toBe(true)
    }
    await sql('TRUNCATE "Patient", "Doctor", "Tag", "Tenant", "Category", "Contact", "Plain" RESTART IDENTITY CASCADE')
  })

  test('is told the same at each read', async () => {
    const told = { sealed: new Set<string>(), opened: new Set<string>() }
    const db = client({
      context: (row, { name }) => {
        told[name === 'findMany' ? 'opened' : 'sealed'].add(JSON.stringify(row))
        return undefined
      },
    })
    await seedHospital(db)
    await db.patient.findMany({ include: { doctor: true, profile: true, conditions: true } })
    await Promise.all([db.doctor.findMany(), db.member.findMany(), db.contact.findMany(), db.category.findMany()])
    expect(told.opened).toEqual(told.sealed)
    await sql('TRUNCATE "Patient", "Doctor", "Tag", "Tenant", "Category", "Contact", "Plain" RESTART IDENTITY CASCADE')
  })

  test.each<[string, (row: RowIdentity) => unknown, string]>([
    [
      'fails',
      () => {
        throw new RangeError('of its own')
      },
      'threw',
    ],
    [
      'is asynchronous',
      async () => {
        throw new RangeError('of its own')
      },
      'synchronous',
    ],
    ['returns null', () => null, 'must return'],
    ['returns a number', () => 5, 'must return'],
  ])('that %s', async (_, returning, message) => {
    const db = client({ [option]: returning })
    await expectRefusal(
      sql,
      () => db.patient.create({ data: newcomer() }),
      {
        code: 'CONFIG',
        model: 'Patient',
        operation: 'create',
        message: expect.stringContaining(message),
      },
      'secret',
    )
    await expectRefusal(sql, () => db.$transaction((tx) => tx.patient.create({ data: newcomer() })), { code: 'CONFIG' }, 'secret')
  })

  test('that fails is the cause of the error', async () => {
    const db = client({
      [option]: () => {
        throw new RangeError('of its own')
      },
    })
    const error = await expectRefusal(sql, () => db.patient.create({ data: newcomer() }), { code: 'CONFIG' }, 'secret')
    expect(error.cause).toBeInstanceOf(RangeError)
  })

  test('must be a function', () => {
    expect(() => client({ [option]: 'tenant' as never })).toThrow(
      expect.objectContaining({ code: 'CONFIG', message: `\`${option}\` must be a function` }),
    )
  })
})

describe('a context that no envelope can carry is refused', () => {
  test.each<[string, unknown]>([
    ['an empty value', { tenant: '' }],
    ['an empty name', { '': 'x' }],
    ['a number', { tenant: 5 }],
    ['null', { tenant: null }],
    ['U+0000', { tenant: 'a\0' }],
    ['a lone surrogate', { tenant: '\uD800' }],
    ['a name of the library', { 'prisma-envelope:table': 'x' }],
    ['a name of AWS', { 'AWS:x': 'x' }],
    ['more than 8192 bytes', { tenant: 'x'.repeat(8193) }],
    ['a name that Prisma Client loses', JSON.parse('{"__proto__":"x"}')],
    ['an empty list', []],
    ['a list of texts', ['tenant']],
    ['one of a list', [{ tenant: '1' }, { tenant: '' }]],
  ])('%s', async (_, context) => {
    kms.resetLog()
    const db = client({ context: (() => context) as ContextOf })
    await expectRefusal(sql, () => db.contact.create({ data: { email: 'x', familyName: 'x', street: 'x' } }), {
      code: 'CONFIG',
      model: 'Contact',
    })
    expect(kms.calls['GenerateDataKey']).toBeUndefined()
  })

  test('but one whose names objects inherit is not', async () => {
    const context = JSON.parse('{"toString":"a","constructor":"b"}') as Record<string, string>
    const db = client({ context: () => context })
    await db.patient.create({ data: newcomer() })
    expect(await client({ context: () => context }).patient.findMany()).toHaveLength(1)
    await sql('TRUNCATE "Patient" CASCADE')
  })
})

describe('`key`', () => {
  const keyOf: KeyOf = (_, { settings }) => settings['key']
  const ring = { current: keys.current, others: [own] }

  beforeEach(() => sql('TRUNCATE "Patient" CASCADE'))

  test('names the KMS key that wraps; each has a branch key of its own', async () => {
    const db = client({ keys: ring, key: keyOf, context: () => ({ tenant: '1' }) })
    kms.resetLog()
    for (const key of ['own', 'pii', 'own', undefined]) {
      await (key === undefined ? db : db.$envelope({ key })).patient.createMany({ data: [newcomer(), newcomer()] })
    }
    expect(kms.calls).toMatchObject({ GenerateDataKey: 2 })
    const rows =
      await sql(`SELECT envelope ->> 'kid' AS kid, count(DISTINCT envelope ->> 'wk')::int AS keys, count(*)::int AS rows
FROM "Patient" GROUP BY 1 ORDER BY 1`)
    expect(rows).toEqual([
      { kid: 'own', keys: 1, rows: 4 },
      { kid: 'pii', keys: 1, rows: 4 },
    ])
    // Rows are opened by the key that they name.
    expect(await client({ keys: ring, context: () => ({ tenant: '1' }) }).patient.findMany()).toHaveLength(8)
  })

  test('moves a row to its key when it is written again', async () => {
    const db = client({ keys: ring, key: keyOf })
    const { id } = await db.patient.create({ data: newcomer() })
    await db.$envelope({ key: 'own' }).patient.update({ where: { id }, data: { notes: 'x' } })
    expect(await sql(`SELECT envelope ->> 'kid' AS kid FROM "Patient"`)).toEqual([{ kid: 'own' }])
  })

  test('must be of the keyring', async () => {
    const db = client({ key: () => 'nobody' })
    await expectRefusal(sql, () => db.patient.create({ data: newcomer() }), {
      code: 'CONFIG',
      message: expect.stringContaining('(pii)'),
    })
  })
})

test('an error shows no context', async () => {
  const db = client({ context: (_, { settings }) => ({ tenant: settings['tenant'] ?? 'x' }) })
  await db.$envelope({ tenant: 'of somebody' }).patient.create({ data: newcomer() })
  const error: unknown = await db.patient.findMany().catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(EnvelopeError)
  expect(inspect(error, { depth: null, showHidden: true })).not.toContain('of somebody')
})

test('both are options of envelopeEncryption', () => {
  const context: ContextOf = () => ({ tenant: '1' })
  expect(() => envelopeEncryption({ Prisma, models, keys, indexKey, context, key: () => undefined })).not.toThrow()
})
