import { createIndexKey } from 'prisma-envelope'
import { createKeyring, createKeys, createRowCipher, fieldSetId } from 'prisma-envelope/rows'
import { beforeEach, describe, expect, test } from 'vitest'
import { type CliResult, runCli } from '../support/cli.ts'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { SECRET, seedEveryModel } from '../support/every-model.ts'

const { database, sql, kms, arn, bare, prisma, client, keys, indexKey } = await createEncryptedClient('cli-status')
const setup = { databaseUrl: database.url, kms, keys: { pii: arn }, indexKeys: [indexKey.current] }
const idOf = (line: string) => line.split('.')[1] as string

interface Status {
  readonly model: string
  readonly rows: number
  readonly left: Readonly<Record<string, unknown>>
}

const modelsOf = ({ result }: CliResult): readonly Status[] => (result?.['models'] ?? []) as readonly Status[]

async function status(...args: string[]): Promise<Status> {
  const result = await runCli(setup, ['status', '--json', ...args])
  expect(result.err).toBe('')
  expect(result.code).toBe(0)
  expect(result.out).not.toContain(SECRET)
  expect(modelsOf(result)).toHaveLength(1)
  return modelsOf(result)[0] as Status
}

test('counts what the extension wrote as encrypted, whatever the model, and asks no KMS', async () => {
  await seedEveryModel(prisma)
  kms.resetLog()
  const result = await runCli(setup, ['status', '--json'])
  expect(result).toMatchObject({ code: 0, err: '' })
  expect(modelsOf(result).length).toBeGreaterThan(20)
  for (const model of modelsOf(result)) {
    const { rows } = model
    expect(rows, model.model).toBeGreaterThan(0)
    expect(model).toMatchObject({
      estimated: false,
      encrypted: rows,
      plaintext: 0,
      mixed: 0,
      foreignWrites: 0,
      malformed: 0,
      byKey: [{ keys: ['pii'], rows }],
      byWrap: { branch: rows, direct: 0, branchKeys: { inline: 1, named: 0 } },
      byFieldSet: [{ fields: 'all', rows }],
      left: { rows: 0, seconds: 0, kmsCalls: { branch: 0, direct: 0 }, diskBytes: 0, walBytes: 0 },
    })
  }
  expect(kms.calls).toEqual({})
})

describe('of one model', () => {
  beforeEach(async () => {
    await sql('DELETE FROM "Contact"')
    await prisma.contact.createMany({
      data: [1, 2, 3].map((n) => ({ email: `${SECRET}${n}@example.org`, familyName: SECRET, street: SECRET })),
    })
  })

  const plaintext = (id: number) =>
    bare.contact.create({ data: { id, email: `${SECRET}@example.org`, familyName: SECRET, street: `${SECRET} Street` } })

  test('tells plaintext, mixed and malformed rows and foreign writes apart', async () => {
    await plaintext(101)
    await plaintext(102)
    const [first, second] = await sql(`SELECT id FROM "Contact" WHERE id < 100 ORDER BY id`)
    await sql(`UPDATE "Contact" SET street = $1 WHERE id = $2`, [SECRET, first?.id])
    await sql(`UPDATE "Contact" SET "envelope_v1" = jsonb_set("envelope_v1", '{fs}', to_jsonb($1::text)) WHERE id = $2`, [
      fieldSetId(['email', 'surname', 'street']),
      second?.id,
    ])
    for (const [i, json] of ['null', '1', '"text"', '[]', '{"kid": 1}', '{"kid": "pii", "fs": [], "ct": "x"}'].entries())
      await sql(
        `INSERT INTO "Contact" (id, email, "familyName", street, "envelope_v1") VALUES ($1, '*', '*', 'hidden', $2::text::jsonb)`,
        [200 + i, json],
      )
    const contact = await status('Contact')
    expect(contact).toMatchObject({ rows: 11, encrypted: 1, plaintext: 2, mixed: 2, foreignWrites: 1, malformed: 6 })
    expect(contact).toMatchObject({
      byFieldSet: expect.arrayContaining([
        { id: fieldSetId(['email', 'surname', 'street']), fields: ['email', 'familyName', 'street'], rows: 1 },
        { id: fieldSetId(['email', 'surname', 'street', 'backupEmail']), fields: 'all', rows: 2 },
      ]),
      left: { rows: 4, kmsCalls: { branch: 1 + 1, direct: 4 + 1 } },
    })
    // The record that lacks a field is none of those that this field is about.
    expect(await status('Contact.street')).toMatchObject({ mixed: 1, foreignWrites: 1, encrypted: 2 })
  })

  test('counts by KMS key, also where several wrap one, by branch key or directly, and by index key', async () => {
    const line = await createIndexKey(keys)
    await client({ indexKey: { current: line }, wrap: 'direct' }).contact.create({
      data: { email: 'x@example.org', backupEmail: 'y@example.org', familyName: 'X', street: 'Y' },
    })
    const wrapped = `jsonb_build_array(jsonb_build_array('pii', "envelope_v1" -> 'wk'), jsonb_build_array('other', 'AAAA'))`
    await sql(
      `UPDATE "Contact" SET "envelope_v1" = jsonb_set("envelope_v1", '{wk}', ${wrapped}) WHERE id = (SELECT min(id) FROM "Contact")`,
    )
    await sql(
      `UPDATE "Contact" SET "envelope_v1" = ("envelope_v1" - 'wk') || '{"bk": "b1"}' WHERE id = (SELECT min(id) + 1 FROM "Contact")`,
    )
    expect(await status('Contact')).toMatchObject({
      rows: 4,
      byKey: [
        { keys: ['pii'], rows: 3 },
        { keys: ['pii', 'other'], rows: 1 },
      ],
      byWrap: { branch: 3, direct: 1, branchKeys: { inline: 2, named: 1 } },
      byIndexKey: {
        email: { [idOf(indexKey.current)]: 3, [idOf(line)]: 1 },
        backupEmail: { [idOf(line)]: 1 },
      },
    })
  })

  test('is not led astray by names of ten megabytes, nor by as many names as rows', async () => {
    const envelope = await sealed()
    await sql(
      `INSERT INTO "Contact" (email, "familyName", street, "envelope_v1") SELECT '*', '*', 'hidden', jsonb_set($1::text::jsonb, '{kid}', to_jsonb(repeat('k', 10000000)))`,
      [envelope],
    )
    await sql(
      `INSERT INTO "Contact" (email, "familyName", street, "envelope_v1") SELECT '*', '*', 'hidden', jsonb_set(jsonb_set($1::text::jsonb, '{kid}', to_jsonb('k' || n)), '{fs}', to_jsonb(lpad(n::text, 8, '0'))) FROM generate_series(1, 500) n`,
      [envelope],
    )
    await sql(
      `INSERT INTO "Contact" (email, "familyName", street, "envelope_v1") SELECT '*', '*', 'hidden', jsonb_set($1::text::jsonb, '{wk}', (SELECT jsonb_agg(jsonb_build_array('k' || n, 'AAAA')) FROM generate_series(1, 5000) n))`,
      [envelope],
    )
    const result = await runCli(setup, ['status', 'Contact', '--json'])
    expect(result).toMatchObject({ code: 0, err: '' })
    expect(result.out.length).toBeLessThan(30_000)
    const [contact] = modelsOf(result)
    expect(contact).toMatchObject({ rows: 505, malformed: 1, mixed: 1, encrypted: 503 })
    expect((contact as unknown as { byKey: unknown[] }).byKey[0]).toEqual({ keys: ['pii'], rows: 4 })
  })

  test('prints a table for people', async () => {
    await plaintext(103)
    const { out, err, code } = await runCli(setup, ['status', 'Contact'])
    expect({ err, code }).toEqual({ err: '', code: 0 })
    expect(out).not.toContain(SECRET)
    const lines = out.split('\n')
    expect(lines.slice(0, 8)).toEqual([
      'Contact: 4 rows',
      '  encrypted     3',
      '  plaintext     1',
      '  mixed         0',
      '  by KMS key    pii 3',
      '  wrapped by    branch keys 3 (distinct ones: 1 in their rows), the KMS itself 0',
      `  by index key  email: ${idOf(indexKey.current)} 3`,
      '  by field set  all fields 3',
    ])
    expect(lines[8]).toMatch(/^ {2}left {10}1 rows, roughly \d+ s with one worker \([\d,]+ rows\/s\)$/)
    expect(lines[9]).toMatch(
      /^ {2}KMS calls {5}1 by branch keys \(under \$0\.01\), 1 directly \(under \$0\.01\): list price of AWS KMS/,
    )
    expect(lines[10]).toMatch(/^ {2}disk {10}[\d.]+ (bytes|KiB) more until a VACUUM, of dead rows \d+ bytes; WAL [\d.]+ KiB$/)
  })

  /** An envelope of a record that lacks a field. */
  async function sealed(): Promise<string> {
    const cipher = createRowCipher({ keys: createKeys({ keyring: createKeyring(keys) }) })
    const [envelope] = await cipher.seal([{ table: 'people', binding: [], record: { email: 'e', surname: 's', street: 't' } }])
    return JSON.stringify(envelope)
  }
})

describe('of a large table', () => {
  const ROWS = 30_000

  test('estimates from a sample, and says so', async () => {
    await sql(`DELETE FROM "Contact"`)
    await sql(
      `INSERT INTO "Contact" (email, "familyName", street) SELECT 'e' || n, '${SECRET}', repeat('${SECRET}', 40) FROM generate_series(1, ${ROWS}) n`,
    )
    await sql('ANALYZE "Contact"')
    const exact = await status('Contact')
    expect(exact).toMatchObject({ estimated: false, rows: ROWS, plaintext: ROWS, left: { rows: ROWS } })
    const estimate = (await status('Contact', '--estimate')) as Status & { readonly plaintext: number }
    expect(estimate).toMatchObject({ estimated: true })
    expect(Math.abs(estimate.rows - ROWS) / ROWS).toBeLessThan(0.05)
    expect(estimate.plaintext).toBe(estimate.rows)
    expect((await runCli(setup, ['status', 'Contact', '--estimate'])).out).toContain('estimated from a sample of their blocks')
  })

  test('forecasts what it takes to encrypt the rest', async () => {
    const { left } = await status('Contact')
    const before = await size()
    const { code, result } = await runCli(setup, ['encrypt', 'Contact', '--json'])
    expect({ code, result }).toMatchObject({ code: 0, result: { models: [{ written: ROWS }] } })
    const after = await size()
    // Roughly: within half and twice of what it took.
    expect(Number(left['diskBytes']) / (after - before)).toBeGreaterThan(0.5)
    expect(Number(left['diskBytes']) / (after - before)).toBeLessThan(2)
    expect(Number(left['walBytes'])).toBeGreaterThan(Number(left['diskBytes']))
    expect(left['kmsCalls']).toMatchObject({ branch: ROWS / 10_000, direct: ROWS })
  })

  async function size(): Promise<number> {
    const [row] = await sql<{ bytes: string }>(`SELECT pg_total_relation_size('"Contact"')::text AS bytes`)
    return Number(row?.bytes)
  }
})
