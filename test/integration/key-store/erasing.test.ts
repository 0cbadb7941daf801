import { afterEach, describe, expect, test } from 'vitest'
import { keyStore } from '../../support/client.ts'
import { createEncryptedClient } from '../../support/encrypted-client.ts'
import { guardAll } from '../../support/guards.ts'
import { contextWriter, patientOf } from '../../support/rows-under-context.ts'

const encrypted = await createEncryptedClient('erasing', { keyStore, deadline: 60_000 })
const { client, sql, database, kms } = encrypted
await guardAll(database.url)

const writer = (maxAge = 50, mode: 'stored' | 'branch' = 'stored') =>
  contextWriter(encrypted, { mode, cache: { maxAge }, deadline: 60_000 })
const erase = (tenant: string, keysLiveFor = 60) => client().$envelope.erase({ context: { tenant }, keysLiveFor })
const first = (id: string) => client().patient.findFirst({ where: { id } })

afterEach(async () => {
  kms.faults.clear()
  await sql('TRUNCATE "Patient", envelope_keys CASCADE')
})

/** What a promise was rejected with. */
const refusalOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

interface KeyRow extends Record<string, unknown> {
  readonly wrapped: string | null
  readonly erased: Date | null
}

const keysOf = (tenant: string): Promise<KeyRow[]> =>
  sql<KeyRow>(
    `SELECT id, wrapped_key AS wrapped, erased_at AS erased FROM envelope_keys WHERE context ->> 'tenant' = $1 ORDER BY id`,
    [tenant],
  )

async function columnsOf(id: string): Promise<{ email: string; ssn: string | null; sealed: unknown }> {
  const [row] = await sql<{ email: string; ssn: string | null; sealed: unknown }>(
    'SELECT email, ssn, envelope AS sealed FROM "Patient" WHERE id = $1',
    [id],
  )
  if (row === undefined) throw new Error(`there is no row ${id}`)
  return row
}

test('rows of an erased context never open again, those of others do, and nobody finds them by their values', async () => {
  const write = writer()
  await write('a', 1)
  await write('a', 2)
  await write('b', 3)
  const before = await columnsOf('p1')
  expect(await first('p1')).toMatchObject(patientOf(1))

  expect(await erase('a')).toEqual({ context: { tenant: 'a' }, keys: 1, rows: { Patient: 2 } })

  expect(await refusalOf(client().patient.findMany())).toMatchObject({ code: 'ERASED', model: 'Patient' })
  expect(await client().patient.findUnique({ where: { email: '1@example.org' } })).toBeNull()
  expect(await client().patient.findMany({ where: { ssn: 'ssn 1' } })).toEqual([])
  const after = await columnsOf('p1')
  expect(after.ssn).toBeNull()
  expect(after.email).not.toBe(before.email)
  expect(after.email).toMatch(/^~[A-Za-z0-9_-]{4}\.[A-Za-z0-9_-]{43}$/)
  expect(after.sealed).toEqual(before.sealed)
  expect((await columnsOf('p2')).email).not.toBe(after.email)
  expect(await client().patient.findUnique({ where: { email: '3@example.org' } })).toMatchObject(patientOf(3))
  const keys = await keysOf('a')
  expect(keys.map(({ wrapped }) => wrapped)).toEqual([null, null])
  for (const { erased } of keys) expect(erased).toBeInstanceOf(Date)
})

test('takes no new rows, and no new key, whether it had one before or not', async () => {
  await writer()('a', 1)
  await erase('a')
  expect(await erase('never')).toEqual({ context: { tenant: 'never' }, keys: 0, rows: {} })
  kms.resetLog()
  expect(await refusalOf(writer()('a', 2))).toMatchObject({ code: 'ERASED' })
  expect(await refusalOf(writer()('never', 2))).toMatchObject({ code: 'ERASED' })
  expect(await refusalOf(client().$envelope.preload({ contexts: [{ tenant: 'a' }] }))).toMatchObject({ code: 'ERASED' })
  expect(kms.calls.GenerateDataKey ?? 0).toBe(0)
  await client().patient.create({ data: patientOf(3) })
  expect(await first('p3')).toMatchObject(patientOf(3))
})

test('the same erasure again finishes one that was interrupted, and adds nothing', async () => {
  const write = writer()
  await write('a', 1)
  await write('a', 2)
  // As if the process had been killed before it waited.
  await sql('UPDATE envelope_keys SET wrapped_key = NULL, erased_at = now()')
  expect(await erase('a')).toMatchObject({ keys: 0, rows: { Patient: 2 } })
  expect((await columnsOf('p2')).ssn).toBeNull()
  const kept = await keysOf('a')
  expect(kept).toHaveLength(2)
  await erase('a')
  expect(await keysOf('a')).toEqual(kept)
})

describe('while rows carry their key themselves', () => {
  test('it is refused, with what to do, and nothing is changed', async () => {
    await writer()('a', 1)
    await writer(50, 'branch')('a', 2)
    const kept = await keysOf('a')
    const error = await refusalOf(erase('a'))
    expect(error).toMatchObject({ code: 'UNSUPPORTED', model: 'Patient' })
    expect(String(error)).toContain('rotate --reencrypt Patient')
    expect(await keysOf('a')).toEqual(kept)
    expect(await first('p1')).toMatchObject(patientOf(1))
  })

  test('those of other contexts do not matter', async () => {
    await writer(50, 'branch')('b', 2)
    await client({ wrap: 'branch' }).patient.create({ data: patientOf(3) })
    expect(await erase('a')).toMatchObject({ keys: 0 })
    expect(await first('p3')).toMatchObject(patientOf(3))
  })
})

test('writers that hold a key until it is too old write nothing that opens afterwards', async () => {
  const write = writer(400)
  await write('a', 1)
  const erasing = erase('a', 3000)
  let written = 1
  let refusal: unknown
  while (refusal === undefined) {
    refusal = await refusalOf(write('a', written + 1))
    if (refusal === undefined) written += 1
  }
  expect(refusal).toMatchObject({ code: 'ERASED' })
  expect((await erasing).rows).toEqual({ Patient: written })
  const [left] = await sql<{ n: number }>('SELECT count(*)::int AS n FROM "Patient" WHERE ssn IS NOT NULL')
  expect(left?.n).toBe(0)
  expect(await refusalOf(first('p1'))).toMatchObject({ code: 'ERASED' })
})

test('a key that a process was making meanwhile is erased, too', async () => {
  kms.faults.inject({ operation: 'GenerateDataKey', latencyMs: 300, times: 1 })
  await Promise.all([writer()('a', 1), erase('a', 3000)])
  expect((await keysOf('a')).filter(({ wrapped }) => wrapped !== null)).toEqual([])
  expect((await columnsOf('p1')).ssn).toBeNull()
  expect(await refusalOf(first('p1'))).toMatchObject({ code: 'ERASED' })
})

test('refuses a context that names nothing, and a client without a key store', async () => {
  expect(await refusalOf(client().$envelope.erase({ context: {} }))).toMatchObject({ code: 'CONFIG' })
  expect(await refusalOf(client().$envelope.erase({ context: { tenant: '' } }))).toMatchObject({ code: 'CONFIG' })
  const without = client({ keyStore: undefined, wrap: 'branch' })
  expect(await refusalOf(without.$envelope.erase({ context: { tenant: 'a' } }))).toMatchObject({ code: 'CONFIG' })
})
