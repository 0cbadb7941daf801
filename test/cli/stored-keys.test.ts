import { createIndexKey } from 'prisma-envelope'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type CliSetup, runCli, startCli } from '../support/cli.ts'
import { keyStore } from '../support/client.ts'
import { createRotation, patient, type StoredPatient } from '../support/rotation.ts'
import { waitUntil } from '../support/wait-until.ts'

const rotation = await createRotation('cli-stored-keys', { keyStore })
const { sql, kms, arn, client, promoted, seed, stored, disable, enable } = rotation
const setup: CliSetup = { ...rotation.setup, keyStore: true }
/** The configuration before `next` is promoted. */
const before: CliSetup = { ...setup, keys: { pii: arn } }
const ROWS = 40

interface KeyRow extends Record<string, unknown> {
  readonly id: string
  readonly kid: string
  readonly generation: number
  readonly wrapped_key: string | null
}

beforeEach(async () => {
  // With caches of its own: those of another test know keys that are gone.
  await seed(ROWS, client())
  kms.resetLog()
})
afterEach(async () => {
  kms.faults.clear()
  await sql('DELETE FROM "Patient"; DELETE FROM envelope_keys')
})

const keyRows = (): Promise<KeyRow[]> => sql<KeyRow>('SELECT * FROM envelope_keys ORDER BY kid, generation')
const namedBy = (rows: readonly StoredPatient[]): ReadonlySet<unknown> =>
  new Set(rows.map(({ envelope }) => (envelope as { bk?: string }).bk))
const rewrap = (...args: string[]) => runCli(setup, ['rotate', '--rewrap', 'Patient', '--json', ...args])
const findingsOf = (events: readonly Readonly<Record<string, unknown>>[]) => events.filter(({ event }) => event === 'finding')

async function expectAllToOpen(db = promoted()): Promise<void> {
  const rows = await db.patient.findMany({ orderBy: { id: 'asc' }, omit: { createdAt: true } })
  expect(rows).toEqual(
    Array.from({ length: ROWS }, (_, i) => ({ ...patient(i), birthDate: null, history: null, notes: null, doctorId: null })),
  )
}

test('verify opens rows that name a stored key by one KMS call, and status and doctor know them', async () => {
  const verified = await runCli(before, ['verify', 'Patient', '--json'])
  expect(verified.err).toBe('')
  expect(verified.result).toMatchObject({ complete: true, findings: 0 })
  // The index key, to compare tokens.
  expect(kms.calls).toEqual({ Decrypt: 2 })

  const status = await runCli(before, ['status', 'Patient', '--json'])
  expect(status.result).toMatchObject({ wrap: 'stored', models: [{ encrypted: ROWS, byKey: [{ keys: ['pii'], rows: ROWS }] }] })

  const doctor = await runCli(before, ['doctor', 'Patient', '--json', '--lock', '../prisma/envelope.lock.json'])
  expect(doctor.result).toMatchObject({ models: [{ named: { there: ROWS, erased: 0, missing: 0 } }] })
  expect(findingsOf(doctor.events).map(({ code }) => code)).not.toContain('STORED_KEY_MISSING')
})

test('without the key store, rows do not open and nothing is changed, and doctor says what is missing', async () => {
  const without = { ...before, keyStore: false }
  const { code, events, err } = await runCli(without, ['verify', 'Patient', '--json'])
  expect(code).not.toBe(0)
  expect(`${err}${JSON.stringify(events)}`).toContain('keyStore')
  const doctor = await runCli(without, ['doctor', 'Patient', '--json'])
  expect(findingsOf(doctor.events).map(({ code: found }) => found)).toContain('KEY_STORE_NOT_CONFIGURED')
})

test('encrypt and decrypt work with stored keys', async () => {
  const decrypted = await runCli(before, ['decrypt', 'Patient', '--json'])
  expect(decrypted.err).toBe('')
  expect(decrypted.result).toMatchObject({ models: [{ written: ROWS, refused: 0 }] })
  const [plain] = await sql<{ n: number }>(
    `SELECT count(*)::int AS n FROM "Patient" WHERE envelope IS NULL AND "fullName" LIKE 'Name %'`,
  )
  expect(plain?.n).toBe(ROWS)
  const encrypted = await runCli(before, ['encrypt', 'Patient', '--json'])
  expect(encrypted.err).toBe('')
  expect(encrypted.result).toMatchObject({ models: [{ written: ROWS, refused: 0 }] })
  const [active] = (await keyRows()).filter(({ kid }) => kid === 'pii').slice(-1)
  expect(namedBy(await stored())).toEqual(new Set([active?.id]))
  await expectAllToOpen(client())
})

test('rewrap moves the stored keys themselves, and leaves every envelope as it is', async () => {
  const envelopes = await stored()
  const live = await keyRows()
  const { code, err, result } = await rewrap()
  expect(err).toBe('')
  expect(code).toBe(0)
  expect(result).toMatchObject({
    storedKeys: { written: live.length, refused: 0 },
    kmsCalls: 2 * live.length,
    models: [{ model: 'Patient', written: 0, complete: true }],
  })
  expect(kms.calls).toEqual({ Decrypt: live.length, Encrypt: live.length })
  expect(await stored()).toEqual(envelopes)
  expect(new Set((await keyRows()).map(({ kid }) => kid))).toEqual(new Set(['next']))
  await disable(arn)
  try {
    // Not even the name of the old key is needed.
    const indexKey = { current: await createIndexKey({ current: rotation.next }) }
    await expectAllToOpen(client({ keys: { current: rotation.next }, indexKey }))
  } finally {
    await enable(arn)
  }
  kms.resetLog()
  expect((await rewrap()).result).toMatchObject({ kmsCalls: 0, storedKeys: { written: 0 } })
  expect(kms.calls).toEqual({})
  // A client that still seals under the old key makes one of its own, beside the moved ones.
  await client().patient.create({ data: { ...patient(ROWS) } })
  expect((await keyRows()).map(({ kid }) => kid)).toContain('pii')
  await rewrap()
  const generations = (await keyRows()).map(({ generation }) => generation)
  expect(new Set(generations).size).toBe(generations.length)
  await sql('DELETE FROM "Patient" WHERE id = $1', [patient(ROWS).id])
  await expectAllToOpen()
})

test('rewrap goes on where it was killed, and beside another one', async () => {
  await client().patient.deleteMany()
  await seed(ROWS, client({ branch: { maxWraps: 2 } }))
  const live = (await keyRows()).filter(({ kid }) => kid === 'pii').length
  expect(live).toBeGreaterThan(10)
  kms.faults.inject({ operation: 'Encrypt', latencyMs: 30 })
  const killed = startCli(setup, ['rotate', '--rewrap', 'Patient', '--json'])
  await waitUntil(async () => (kms.calls.Encrypt ?? 0) > 3)
  killed.process.kill('SIGKILL')
  await killed.ended
  await expectAllToOpen()
  const results = await Promise.all([rewrap(), rewrap()])
  expect(results.map(({ code }) => code)).toEqual([0, 0])
  expect((await keyRows()).filter(({ kid }) => kid === 'pii')).toEqual([])
  await expectAllToOpen()
})

test('an outage of the KMS ends a rewrap without losing a key', async () => {
  const kept = await keyRows()
  kms.faults.inject({ operation: 'Encrypt', status5xx: 503 })
  const { code } = await rewrap('--patience', '1')
  expect(code).toBe(1)
  kms.faults.clear()
  expect(await keyRows()).toEqual(kept)
  expect((await rewrap()).code).toBe(0)
  await expectAllToOpen()
})

test('reencrypt seals rows under a stored key that nobody has used before', async () => {
  const old = namedBy(await stored())
  const known = new Set((await keyRows()).map(({ id }) => id))
  const { code, result } = await runCli(setup, ['rotate', '--reencrypt', '--from', 'pii', 'Patient', '--json'])
  expect(code).toBe(0)
  expect(result).toMatchObject({ models: [{ written: ROWS, refused: 0, complete: true }] })
  const [now, ...more] = [...namedBy(await stored())]
  expect(more).toEqual([])
  expect(old.has(now)).toBe(false)
  expect(known.has(now as string)).toBe(false)
  await expectAllToOpen()
})

test('doctor finds rows whose stored key is gone, altered keys, and keys of no keyring', async () => {
  const doctor = async (changed: CliSetup = before) => {
    const { events } = await runCli(changed, ['doctor', 'Patient', '--json'])
    return findingsOf(events)
  }
  const [bk] = namedBy(await stored())
  const [row] = await sql('SELECT * FROM envelope_keys WHERE id = $1', [bk])
  const kept = JSON.stringify(row)
  const restore = async () => {
    await sql('DELETE FROM envelope_keys WHERE id = $1', [bk])
    await sql('INSERT INTO envelope_keys SELECT * FROM json_populate_record(NULL::envelope_keys, $1::text::json)', [kept])
  }
  await sql('DELETE FROM envelope_keys WHERE id = $1', [bk])
  expect((await doctor()).find(({ code }) => code === 'STORED_KEY_MISSING')).toMatchObject({
    severity: 'error',
    model: 'Patient',
    meaning: expect.stringContaining(`${ROWS} rows name a branch key`),
  })
  await restore()
  await sql(`UPDATE envelope_keys SET context = '{"tenant":"7"}' WHERE id = $1`, [bk])
  expect((await doctor()).map(({ code }) => code)).toContain('CONTEXT_MISMATCH')
  const verified = await runCli(before, ['verify', 'Patient', '--json', '--max-findings', '1'])
  expect(verified.result).toMatchObject({ findings: ROWS })
  await restore()
  await sql(`UPDATE envelope_keys SET kid = 'gone' WHERE id = $1`, [bk])
  expect((await doctor()).filter(({ code }) => code === 'KEY_NOT_IN_KEYRING')).toMatchObject([
    { key: 'gone', model: 'Patient' },
    { key: 'gone', model: keyStore.model },
  ])
  await restore()
  await sql('UPDATE envelope_keys SET wrapped_key = NULL, erased_at = now() WHERE id = $1', [bk])
  const erased = await doctor()
  expect(erased.filter(({ code }) => code === 'ERASED')).toHaveLength(2)
  await restore()
  await sql('ALTER TABLE envelope_keys RENAME TO kept_keys')
  try {
    expect((await doctor()).map(({ code }) => code)).toContain('KEY_STORE_MISSING')
  } finally {
    await sql('ALTER TABLE kept_keys RENAME TO envelope_keys')
  }
})
