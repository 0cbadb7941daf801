import { randomBytes } from 'node:crypto'
import {
  bindValue,
  type ColumnPlan,
  createKeyring,
  createKeys,
  createRowCipher,
  type Json,
  type ModelPlan,
} from 'prisma-envelope/rows'
import { expect, onTestFinished, test } from 'vitest'
import { type CliResult, runCli } from '../support/cli.ts'
import { models } from '../support/client.ts'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { SECRET, seedEveryModel } from '../support/every-model.ts'
import { findingsOf } from '../support/findings.ts'
import { HOUSE, WATSON } from '../support/hospital.ts'

const { database, sql, kms, arn, prisma, keys, indexKey } = await createEncryptedClient('cli-verify')
const setup = { databaseUrl: database.url, kms, keys: { pii: arn }, indexKeys: [indexKey.current] }
await seedEveryModel(prisma)

/** Some of what the rows hold, and what the cases below put into columns. */
const SECRETS = [
  SECRET,
  'Lovelace',
  'eve@example',
  'The other Eve',
  'flu',
  '4242',
  '90210',
  '9007199254740993"',
  '111-11-1111',
  '"visits"',
]

/** No output may hold a value of an encrypted column. */
function withoutValues({ out, err }: CliResult): string {
  const printed = `${out}\n${err}`
  // A rate or a duration may hold any digits.
  const told = printed.replaceAll(/\d+\.\d+/g, '')
  for (const secret of SECRETS) expect(told).not.toContain(secret)
  return printed
}

/** An envelope that the application's own keys sealed. */
async function seal(model: keyof typeof models, key: Record<string, string>, record: Record<string, Json>): Promise<string> {
  const cipher = createRowCipher({ keys: createKeys({ keyring: createKeyring(keys) }) })
  const { table, envelope, columns }: ModelPlan = models[model]
  const binding = (envelope?.bind ?? []).map((name) => bindValue(columns[name] as ColumnPlan, key[name]))
  const [sealed] = await cipher.seal([{ table: table.identity, binding, record }])
  return JSON.stringify(sealed)
}

test('finds nothing in what the extension wrote, whatever the model', async () => {
  const result = await runCli(setup, ['verify', '--json', '--batch', '2', '--workers', '2'])
  expect(result.err).toBe('')
  expect(findingsOf(result)).toEqual([])
  expect(result.code).toBe(0)
  const reports = result.result?.['models'] as { model: string; rows: number; complete: boolean }[]
  expect(reports.map(({ model }) => model).sort()).toEqual(
    Object.entries(models)
      .flatMap(([model, plan]) => ('envelope' in plan ? [model] : []))
      .sort(),
  )
  for (const { model, rows, complete } of reports) {
    const { table } = models[model as 'Patient']
    const [count] = await sql<{ n: number }>(`SELECT count(*)::int AS n FROM "${table.name}"`)
    expect({ model, rows, complete }).toEqual({ model, rows: count?.n, complete: true })
    expect(rows, model).toBeGreaterThan(0)
  }
  withoutValues(result)
})

test('needs no more than to read', async () => {
  const role = `reader_${randomBytes(4).toString('hex')}`
  await sql(`CREATE ROLE ${role} LOGIN PASSWORD 'reader'`)
  onTestFinished(async () => {
    await sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  })
  await sql(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`)
  const url = new URL(database.url)
  url.username = role
  url.password = 'reader'
  const reader = { ...setup, databaseUrl: url.toString() }
  expect(await runCli(reader, ['verify'])).toMatchObject({ code: 0, err: expect.not.stringContaining('denied') })
  expect((await runCli(reader, ['verify', '--sample', '2', '--no-prepare', '--json'])).code).toBe(0)
  expect(await runCli(reader, ['status', '--no-prepare'])).toMatchObject({ code: 0, err: '' })
  await sql(`REVOKE SELECT ON "Patient" FROM ${role}`)
  for (const command of ['status', 'verify'])
    expect(await runCli(reader, [command])).toMatchObject({
      code: 2,
      err: expect.stringContaining('GRANT SELECT ON "public"."Patient"'),
    })
})

test('opens as many rows as a sample asks for', async () => {
  const { result, code } = await runCli(setup, ['verify', 'CompoundKey', 'Patient', '--sample', '3', '--json'])
  expect(code).toBe(0)
  expect(result).toMatchObject({
    models: [
      { model: 'CompoundKey', rows: 3, sample: 'rows' },
      { model: 'Patient', rows: 3, sample: 'rows' },
    ],
  })
})

test('names what is no model or field', async () => {
  expect(await runCli(setup, ['verify', 'Patient.ward'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('Patient.ward is no encrypted field'),
  })
})

test('tells of sealed fields that the schema does not know, and finds nothing wrong with them', async () => {
  const envelope = await seal('GivenKey', { id: 'three' }, { secret: SECRET, later: SECRET })
  await sql(`UPDATE "GivenKey" SET envelope = $1::text::jsonb WHERE id = 'three'`, [envelope])
  const json = await runCli(setup, ['verify', 'GivenKey', '--json'])
  expect(json).toMatchObject({ code: 0, result: { models: [{ findings: {}, unknownFields: { later: 1 } }] } })
  withoutValues(json)
  const { out, code } = await runCli(setup, ['verify', 'GivenKey'])
  expect({ out, code }).toEqual({
    out: 'GivenKey: 3 rows verified: nothing found\n  1 rows hold a sealed field "later", which this schema does not know; it is carried along\n',
    code: 0,
  })
})

test('takes a column that is NULL for a field that the record lacks', async () => {
  const record = { email: 'x@example.org', ssn: null, fullName: 'X', history: null, notes: null }
  await prisma.patient.create({ data: { id: 'old', email: 'x@example.org', fullName: 'X', ward: 'C' } })
  await sql(`UPDATE "Patient" SET envelope = $1::text::jsonb WHERE id = 'old'`, [await seal('Patient', { id: 'old' }, record)])
  expect(findingsOf(await runCli(setup, ['verify', 'Patient', '--json']))).toEqual([])
})

test('finds every kind of damage, once, by primary key and field', async () => {
  const { current, other } = await otherVersion()
  const damage: readonly (readonly [text: string, values: readonly unknown[], found: readonly string[]])[] = [
    // A token of another row, and of another tenant.
    [
      `UPDATE "Patient" SET ssn = (SELECT ssn FROM "Patient" WHERE id = 'bob') WHERE id = 'ada'`,
      [],
      ['Patient.ssn {"id":"ada"} TOKEN_MISMATCH'],
    ],
    [
      `UPDATE "Member" SET email = (SELECT email FROM "Member" WHERE id = 'm1') WHERE id = 'm3'`,
      [],
      ['Member.email {"id":"m3"} TOKEN_MISMATCH'],
    ],
    // A token under an index key that nobody has.
    [
      `UPDATE "Member" SET email = '~AAAA.' || substr(email, 7) WHERE id = 'm2'`,
      [],
      ['Member.email {"id":"m2"} INDEX_KEY_UNKNOWN'],
    ],
    // An envelope of another row, bound to it by a uuid, a compound key, a unique key and a foreign key.
    [
      `UPDATE "Doctor" SET envelope = (SELECT envelope FROM "Doctor" WHERE id = '${HOUSE}') WHERE id = '${WATSON}'`,
      [],
      [`Doctor {"id":"${WATSON}"} CANNOT_OPEN`],
    ],
    [
      `UPDATE "CompoundKey" SET envelope = (SELECT envelope FROM "CompoundKey" WHERE region = 'n' AND number = 1) WHERE region = 's' AND number = 1`,
      [],
      ['CompoundKey {"region":"s","number":"1"} CANNOT_OPEN'],
    ],
    [`UPDATE "Invoice" SET "accountId" = (SELECT id FROM moved) WHERE id = 2`, [], ['Invoice {"id":"2"} CANNOT_OPEN']],
    // An older envelope of the same row, where a token tells.
    [
      `UPDATE conditions SET condition_envelope = $1::text::jsonb WHERE condition_id = 1`,
      [other],
      ['Condition.code {"id":"1"} TOKEN_MISMATCH'],
    ],
    // NULL in place of a value, and the other way round.
    [`UPDATE "Patient" SET "birthDate" = NULL WHERE id = 'dea'`, [], ['Patient.birthDate {"id":"dea"} NULLNESS']],
    [`UPDATE "Patient" SET notes = '*' WHERE id = 'dea'`, [], ['Patient.notes {"id":"dea"} NULLNESS']],
    [`UPDATE "Member" SET nickname = NULL WHERE id = 'm1'`, [], ['Member.nickname {"id":"m1"} NULLNESS']],
    // Plaintext, of many types.
    [
      `UPDATE "Profile" SET bio = '${SECRET} plain' WHERE "patientId" = 'ada'`,
      [],
      ['Profile.bio {"patientId":"ada"} FOREIGN_WRITE'],
    ],
    [
      `UPDATE "Profile" SET bio = '${SECRET} plain' WHERE "patientId" = 'bob'`,
      [],
      ['Profile.bio {"patientId":"bob"} FOREIGN_WRITE'],
    ],
    [
      `UPDATE all_types SET int = 4242, json = '{"a": 1}', mood = 'sad', "stringList" = '{${SECRET}}', "decimalList" = '{1}', "dateTimeOpt" = now(), boolean = true, bytes = '\\x00' WHERE id = 2`,
      [],
      ['int', 'json', 'mood', 'stringList', 'decimalList', 'dateTimeOpt', 'boolean', 'bytes'].map(
        (field) => `AllTypes.${field} {"id":"2"} FOREIGN_WRITE`,
      ),
    ],
    [
      `UPDATE "Contact" SET street = '*', email = 'hal@example.org' WHERE id = 1`,
      [],
      ['street', 'email'].map((field) => `Contact.${field} {"id":"1"} FOREIGN_WRITE`),
    ],
    [`UPDATE data SET "constructor" = '[]' WHERE id = 1`, [], ['data.data {"id":"1"} FOREIGN_WRITE']],
    // Envelopes that are none.
    [`UPDATE "CharKey" SET envelope = NULL WHERE id = 'ab'`, [], ['CharKey {"id":"ab      "} PLAINTEXT_FOUND']],
    ...(['null', '1', '"text"', '[]', '{}', 'true'] as const).map((json, i) => {
      const slug = `hostile-${i}`
      return [
        `INSERT INTO "UniqueOnly" (slug, secret, envelope) VALUES ('${slug}', '*', '${json}')`,
        [],
        [`UniqueOnly {"slug":"${slug}"} CANNOT_OPEN`],
      ] as const
    }),
    // Bound to what no value of Prisma's is.
    [
      `INSERT INTO "DateTimeKey" (at, secret, envelope) VALUES ('infinity', '*', '{}')`,
      [],
      ['DateTimeKey {"at":"infinity"} INVALID_VALUE'],
    ],
    // Altered ones.
    [
      `UPDATE "UniqueOnly" SET envelope = jsonb_set(envelope, '{ct}', to_jsonb(left(envelope ->> 'ct', -4))) WHERE slug = 'a'`,
      [],
      ['UniqueOnly {"slug":"a"} CANNOT_OPEN'],
    ],
    [
      `UPDATE "UniqueOnly" SET envelope = jsonb_set(envelope, '{fs}', '"AAAAAAAA"') WHERE slug = 'b'`,
      [],
      ['UniqueOnly {"slug":"b"} CANNOT_OPEN'],
    ],
    // Of a key that the keyring does not have; and plaintext in such a row.
    [
      `UPDATE "UniqueOnly" SET envelope = jsonb_set(envelope, '{kid}', '"lost"') WHERE slug = 'c'`,
      [],
      ['UniqueOnly {"slug":"c"} KEY_UNKNOWN'],
    ],
    [
      `UPDATE "EnumKey" SET envelope = jsonb_set(envelope, '{kid}', '"lost"'), secret = '${SECRET}' WHERE mood = 'very excited'`,
      [],
      ['EnumKey {"mood":"very excited"} KEY_UNKNOWN', 'EnumKey.secret {"mood":"very excited"} FOREIGN_WRITE'],
    ],
    // Records that the extension would not write.
    [
      `UPDATE "GivenKey" SET envelope = $1::text::jsonb WHERE id = 'one'`,
      [await seal('GivenKey', { id: 'one' }, { secret: 4242 })],
      ['GivenKey.secret {"id":"one"} INVALID_VALUE'],
    ],
    [
      `UPDATE "GivenKey" SET envelope = $1::text::jsonb, secret = '${SECRET}' WHERE id = 'two'`,
      [await seal('GivenKey', { id: 'two' }, { other: SECRET })],
      ['GivenKey.secret {"id":"two"} PLAINTEXT_FOUND'],
    ],
  ]
  expect(current).not.toBe(other)
  await sql(`CREATE VIEW moved AS SELECT id FROM "Account" WHERE plan = 'other'`)
  await prisma.account.create({ data: { email: 'other@example.org', fullName: 'Other', plan: 'other' } })
  for (const [text, values] of damage) {
    const rows = await sql(`${text} RETURNING 1`, values)
    expect(rows, text).toHaveLength(1)
  }
  const expected = damage.flatMap(([, , found]) => found).sort()
  const result = await runCli(setup, ['verify', '--json', '--batch', '3'])
  expect(findingsOf(result)).toEqual(expected)
  expect(result.code).toBe(1)
  expect(result.result).toMatchObject({ complete: true, findings: expected.length })
  withoutValues(result)

  const text = await runCli(setup, ['verify', '--max-findings', '2'])
  expect(text.code).toBe(1)
  expect(text.err.split('\n').filter((line) => / \(.*\): [A-Z_]+: /.test(line))).toHaveLength(2)
  expect(text.err).toContain('more than 2 findings')
  expect(text.out).toContain('8 FOREIGN_WRITE')
  withoutValues(text)

  const one = await runCli(setup, ['verify', 'Patient.ssn', '--json'])
  expect(findingsOf(one)).toEqual(['Patient.ssn {"id":"ada"} TOKEN_MISMATCH'])
})

/** Two envelopes of one row, the older one of another code. */
async function otherVersion(): Promise<{ readonly current: string; readonly other: string }> {
  const read = async () =>
    (await sql<{ text: string }>(`SELECT condition_envelope::text AS text FROM conditions WHERE condition_id = 1`))[0]?.text ?? ''
  const other = await read()
  await prisma.condition.update({ where: { id: 1 }, data: { code: 'M55' } })
  return { current: await read(), other }
}
