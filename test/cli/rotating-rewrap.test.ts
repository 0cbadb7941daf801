import { awsKms } from '@prisma-envelope/kms/aws'
import type { KeyProvider } from 'prisma-envelope'
import { rowContext } from 'prisma-envelope/rows'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runCli, startCli } from '../support/cli.ts'
import { createRotation, patient, type StoredEnvelope, type StoredPatient } from '../support/rotation.ts'
import { waitUntil } from '../support/wait-until.ts'

const rotation = await createRotation('cli-rewrapping')
const { sql, kms, arn, setup, promoted, seed, stored, underKeys, disable, enable, keys, aws } = rotation
const ROWS = 1500
const BRANCH_KEYS = ROWS / 50
const context = rowContext('Patient')

beforeEach(async () => {
  await seed(ROWS)
  kms.resetLog()
})
afterEach(async () => {
  kms.faults.clear()
  await sql('DELETE FROM "Patient"')
})

const rewrap = (...args: string[]) => runCli(setup, ['rotate', '--rewrap', 'Patient', '--json', ...args])
const setEnvelope = (id: string, envelope: unknown) =>
  sql('UPDATE "Patient" SET envelope = $2::text::jsonb WHERE id = $1', [id, JSON.stringify(envelope)])
const envelopeOf = async (id: string) => (await stored()).find((row) => row.id === id)?.envelope as StoredEnvelope

/** All that must not change. */
const untouched = (rows: readonly StoredPatient[]) =>
  rows.map(({ envelope, ...columns }) => ({
    ...columns,
    envelope: Object.entries(envelope).filter(([name]) => name !== 'kid' && name !== 'wk'),
  }))

async function expectAllToOpen(): Promise<void> {
  const rows = await promoted().patient.findMany({ orderBy: { id: 'asc' }, omit: { createdAt: true } })
  expect(rows).toEqual(
    Array.from({ length: ROWS }, (_, i) => ({ ...patient(i), birthDate: null, history: null, notes: null, doctorId: null })),
  )
}

test('moves each distinct key by two KMS calls, leaves ciphertexts as they are, and does without the old key afterwards', async () => {
  const before = await stored()
  const { code, err, result } = await rewrap()
  expect(err).toBe('')
  expect(code).toBe(0)
  expect(result).toMatchObject({
    kind: 'rewrap',
    kmsCalls: 2 * BRANCH_KEYS,
    wrappedKeys: BRANCH_KEYS,
    models: [{ model: 'Patient', written: ROWS, refused: 0, complete: true }],
  })
  expect(kms.calls).toEqual({ Decrypt: BRANCH_KEYS, Encrypt: BRANCH_KEYS })

  const after = await stored()
  expect(untouched(after)).toEqual(untouched(before))
  expect(await underKeys()).toEqual({ next: ROWS })
  expect(new Set(after.map(({ envelope }) => envelope.wk)).size).toBe(BRANCH_KEYS)

  await disable(arn)
  try {
    await expectAllToOpen()
  } finally {
    await enable(arn)
  }
  kms.resetLog()
  expect((await rewrap()).result).toMatchObject({ kmsCalls: 0, models: [{ written: 0, complete: true }] })
  expect(kms.calls).toEqual({})
})

test('moves each key once, however many workers need it at the same time', async () => {
  expect((await rewrap('--workers', '4', '--batch', '20')).code).toBe(0)
  expect(kms.calls).toEqual({ Decrypt: BRANCH_KEYS, Encrypt: BRANCH_KEYS })
  expect(await underKeys()).toEqual({ next: ROWS })
  await expectAllToOpen()
})

test('--verify unwraps each key again before its rows are written', async () => {
  expect((await rewrap('--verify')).result).toMatchObject({ kmsCalls: 3 * BRANCH_KEYS })
  expect(kms.calls).toEqual({ Decrypt: 2 * BRANCH_KEYS, Encrypt: BRANCH_KEYS })
  expect(await underKeys()).toEqual({ next: ROWS })
  await expectAllToOpen()
})

test('--dry-run says what it would do, and writes nothing', async () => {
  const before = await stored()
  expect((await rewrap('--dry-run')).result).toMatchObject({ dryRun: true, models: [{ written: ROWS }] })
  expect(await stored()).toEqual(before)
})

test('moves the DEK of a row that has no branch key by two calls, which it tells of beforehand', async () => {
  await sql('DELETE FROM "Patient"')
  await seed(20, rotation.client({ wrap: 'direct' }))
  kms.resetLog()
  const before = await stored()
  const { code, events } = await rewrap()
  expect(code).toBe(0)
  expect(events).toContainEqual({
    event: 'note',
    text: 'Patient: 0 branch keys, and 20 rows without one: about 40 KMS calls to come',
  })
  expect(kms.calls).toEqual({ Decrypt: 20, Encrypt: 20 })
  expect(untouched(await stored())).toEqual(untouched(before))
  expect(await promoted().patient.findMany({ select: { fullName: true }, orderBy: { id: 'asc' } })).toEqual(
    Array.from({ length: 20 }, (_, i) => ({ fullName: `Name ${i}` })),
  )
})

test('--kms-rate rations what it wraps as what it unwraps, however little of it a deadline has room for', async () => {
  await sql('DELETE FROM "Patient"')
  await seed(30, rotation.client({ wrap: 'direct' }))
  kms.resetLog()
  const rationed = { ...setup, deadline: 1000 }
  const { code, result } = await runCli(rationed, ['rotate', '--rewrap', 'Patient', '--json', '--kms-rate', '20'])
  expect(code).toBe(0)
  expect(result).toMatchObject({ kmsCalls: 60, wrappedKeys: 30, models: [{ written: 30, refused: 0 }] })
  expect(kms.calls).toEqual({ Decrypt: 30, Encrypt: 30 })
})

test('--from moves the rows of that key alone', async () => {
  const { arn: spareArn } = await kms.createKey()
  const spare = awsKms({ name: 'spare', keyId: spareArn, client: aws })
  await sql('DELETE FROM "Patient" WHERE id >= $1', [patient(100).id])
  await rotation
    .client({ keys: { current: spare, others: [keys.current] } })
    .patient.createMany({ data: [patient(100), patient(101)] })
  const three = { ...setup, keys: { ...setup.keys, spare: spareArn } }
  const run = (...args: string[]) => runCli(three, ['rotate', '--rewrap', '--json', 'Patient', ...args])
  expect((await run('--from', 'spare')).result).toMatchObject({ models: [{ written: 2, complete: true }] })
  expect(await underKeys()).toEqual({ next: 2, pii: 100 })
  for (const wrong of ['next', 'nobody']) {
    const { code, err } = await run('--from', wrong)
    expect(code).toBe(2)
    expect(err).toContain(`--from ${wrong}`)
  }
  expect(await underKeys()).toEqual({ next: 2, pii: 100 })
})

test('of a key that several KMS keys wrapped, the first form alone is wrapped anew', async () => {
  const { arn: spareArn } = await kms.createKey()
  const spare: KeyProvider = awsKms({ name: 'spare', keyId: spareArn, client: aws })
  await sql('DELETE FROM "Patient" WHERE id >= $1', [patient(3).id])
  const envelope = await envelopeOf(patient(0).id)
  const wk = envelope.wk as string
  const bytes = await keys.current.unwrap(Buffer.from(wk, 'base64'), context)
  const form = async (provider: KeyProvider) => [
    provider.name,
    Buffer.from(await provider.wrap(bytes, context)).toString('base64'),
  ]
  const bySpare = await form(spare)
  await setEnvelope(patient(0).id, { ...envelope, wk: [['pii', wk], bySpare] })
  await setEnvelope(patient(1).id, { ...(await envelopeOf(patient(1).id)), wk: [['pii', wk], await form(rotation.next)] })
  const three = { ...setup, keys: { ...setup.keys, spare: spareArn } }
  expect((await runCli(three, ['rotate', '--rewrap', 'Patient', '--json'])).code).toBe(0)
  expect(await envelopeOf(patient(0).id)).toMatchObject({ kid: 'next', wk: [['next', expect.any(String)], bySpare] })
  expect(await envelopeOf(patient(1).id)).toMatchObject({ kid: 'next', wk: expect.any(String) })
  expect(await promoted().patient.findMany({ select: { fullName: true }, orderBy: { id: 'asc' } })).toEqual(
    [0, 1, 2].map((i) => ({ fullName: `Name ${i}` })),
  )
})

test('--all moves rows under the current name too, as after an alias was pointed to another key', async () => {
  await rewrap()
  kms.resetLog()
  const before = await stored()
  const { code, result } = await rewrap('--all', '--state', `/tmp/${process.pid}-rewrap.json`)
  expect(code).toBe(0)
  expect(result).toMatchObject({ kmsCalls: 2 * BRANCH_KEYS, models: [{ written: ROWS, complete: true }] })
  const after = await stored()
  expect(untouched(after)).toEqual(untouched(before))
  const old = new Set(before.map(({ envelope }) => envelope.wk))
  expect(after.filter(({ envelope }) => old.has(envelope.wk))).toEqual([])
  await expectAllToOpen()
})

test('reports rows whose key does not move, leaves them as they were, and moves all others', async () => {
  const { wk, ...good } = await envelopeOf(patient(0).id)
  const ofDoctor = Buffer.from(await keys.current.wrap(new Uint8Array(32), rowContext('Doctor'))).toString('base64')
  const hostile: readonly (readonly [envelope: unknown, code: string])[] = [
    [[], 'CANNOT_OPEN'],
    ['text', 'CANNOT_OPEN'],
    [null, 'CANNOT_OPEN'],
    [{}, 'CANNOT_OPEN'],
    [{ ...good, wk, v: 2 }, 'CANNOT_OPEN'],
    [{ ...good, wk, kid: 'nobody' }, 'KEY_UNKNOWN'],
    [{ ...good, wk: 'AAAA' }, 'CANNOT_OPEN'],
    [{ ...good, wk: ofDoctor }, 'CANNOT_OPEN'],
    [{ ...good, wk, ctx: { tenant: '1' } }, 'CANNOT_OPEN'],
    [{ ...good, bk: 'b1' }, 'UNSUPPORTED'],
  ]
  for (const [i, [envelope]] of hostile.entries()) await setEnvelope(patient(i).id, envelope)
  const before = await stored()
  const { code, events, result } = await rewrap()
  expect(code).toBe(1)
  expect(result).toMatchObject({ models: [{ written: ROWS - hostile.length, refused: hostile.length, complete: true }] })
  expect(events.filter(({ event }) => event === 'finding').map(({ primaryKey, code: reason }) => [primaryKey, reason])).toEqual(
    hostile.map(([, reason], i) => [{ id: patient(i).id }, reason]),
  )
  expect((await stored()).slice(0, hostile.length)).toEqual(before.slice(0, hostile.length))
})

test('changes nothing where the new key may not wrap', async () => {
  const before = await stored()
  kms.faults.inject({ operation: 'Encrypt', exception: { name: 'AccessDeniedException' } })
  const { code, err } = await rewrap()
  expect(code).toBe(1)
  expect(err).toContain('ACCESS_DENIED')
  expect(await stored()).toEqual(before)
})

test('holds no row locked while the KMS hangs, and goes on when it answers again', async () => {
  const cli = startCli(setup, ['rotate', '--rewrap', 'Patient', '--json', '--batch', '100'])
  await waitUntil(async () => ((await underKeys())['next'] ?? 0) > 0)
  kms.faults.inject({ hang: true })
  kms.resetLog()
  await waitUntil(async () => Object.keys(kms.calls).length > 0)
  // The calls hang for 5 s.
  await sql(`DO $$ BEGIN SET LOCAL lock_timeout = '1s'; PERFORM id FROM "Patient" FOR UPDATE; END $$`)
  expect(await underKeys()).toEqual({ pii: expect.any(Number), next: expect.any(Number) })
  kms.faults.clear()
  expect(await cli.ended).toMatchObject({ code: 0, result: { models: [{ refused: 0, complete: true }] } })
  expect(await underKeys()).toEqual({ next: ROWS })
  await expectAllToOpen()
})
