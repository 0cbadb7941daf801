import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeyring, createKeys, createRowCipher } from 'prisma-envelope/rows'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { runCli, startCli } from '../support/cli.ts'
import { createRotation, patient, type StoredPatient } from '../support/rotation.ts'
import { waitUntil } from '../support/wait-until.ts'

const rotation = await createRotation('cli-reencrypting')
const { sql, kms, arn, setup, promoted, seed, stored, underKeys, disable, enable, keys } = rotation
const ROWS = 1200
const directory = mkdtempSync(join(tmpdir(), 'rotate-'))
const state = join(directory, 'state.json')

beforeEach(() => seed(ROWS))
afterEach(async () => {
  kms.faults.clear()
  rmSync(state, { force: true })
  await sql('DELETE FROM "Patient"')
})
afterAll(() => rmSync(directory, { recursive: true }))

const args = (...more: string[]) => ['rotate', '--reencrypt', 'Patient', '--json', ...more]
const reencrypt = (...more: string[]) => runCli(setup, args('--state', state, ...more))

/** All that must not change. */
const untouched = (rows: readonly StoredPatient[]) => rows.map(({ envelope: { fs }, ...columns }) => ({ ...columns, fs }))

/** Which rows still have the DEK, the ciphertext or the wrapped key that they had. */
function unchanged(before: readonly StoredPatient[], after: readonly StoredPatient[]): string[] {
  const parts = ({ envelope: { dek, ct, wk } }: StoredPatient) => [dek, ct, wk]
  const old = new Set(before.flatMap(parts))
  return after.filter((row) => parts(row).some((part) => part !== undefined && old.has(part))).map(({ id }) => id)
}

async function expectAllToOpen(): Promise<void> {
  const rows = await promoted().patient.findMany({ orderBy: { id: 'asc' }, omit: { createdAt: true } })
  expect(rows).toEqual(
    Array.from({ length: ROWS }, (_, i) => ({ ...patient(i), birthDate: null, history: null, notes: null, doctorId: null })),
  )
}

test('gives each row a fresh DEK under the current key, and leaves the columns as they are', async () => {
  const before = await stored()
  const { code, err, result } = await reencrypt()
  expect(err).toBe('')
  expect(code).toBe(0)
  expect(result).toMatchObject({ kind: 'reencrypt', models: [{ written: ROWS, refused: 0, complete: true }] })
  const after = await stored()
  expect(unchanged(before, after)).toEqual([])
  expect(untouched(after)).toEqual(untouched(before))
  expect(await underKeys()).toEqual({ next: ROWS })
  expect(existsSync(state)).toBe(false)
  await disable(arn)
  try {
    await expectAllToOpen()
  } finally {
    await enable(arn)
  }
})

test('does so under the same KMS key too', async () => {
  const before = await stored()
  const same = { ...setup, keys: { pii: arn } }
  expect((await runCli(same, args('--state', state))).result).toMatchObject({ models: [{ written: ROWS }] })
  expect(unchanged(before, await stored())).toEqual([])
  expect(await underKeys()).toEqual({ pii: ROWS })
  await expectAllToOpen()
})

test('--from does the rows of one key, and needs no file to be resumed', async () => {
  await rotation.promoted().patient.update({ where: { id: patient(7).id }, data: { fullName: 'Name 7' } })
  const before = await stored()
  const first = await runCli(setup, args('--from', 'pii', '--limit', '500', '--batch', '100'))
  expect(first.result).toMatchObject({ models: [{ written: 500, complete: false }] })
  const second = await runCli(setup, args('--from', 'pii'))
  expect(second.result).toMatchObject({ models: [{ written: ROWS - 501, complete: true }] })
  expect(unchanged(before, await stored())).toEqual([patient(7).id])
  expect(await underKeys()).toEqual({ next: ROWS })
  await expectAllToOpen()
})

test('goes on behind the last batch of a killed run, with the next one from the start', async () => {
  const before = await stored()
  const cli = startCli(setup, args('--state', state, '--batch', '20', '--rate', '200'))
  await waitUntil(async () => ((await underKeys())['next'] ?? 0) >= 300)
  cli.process.kill('SIGKILL')
  expect((await cli.ended).code).toBeNull()
  const between = await stored()
  const done = between.length - unchanged(before, between).length
  expect(done).toBeLessThan(ROWS)

  const { code, result } = await reencrypt()
  expect(code).toBe(0)
  expect(result).toMatchObject({ resumed: expect.any(String), models: [{ complete: true }] })
  const { models } = result as { models: readonly { readonly written: number }[] }
  const written = models[0]?.written ?? 0
  // The batch that was committed when the file was not yet written is done once more.
  expect(ROWS - written).toBeGreaterThanOrEqual(done - 20)
  expect(ROWS - written).toBeLessThanOrEqual(done)
  const after = await stored()
  expect(unchanged(before, after)).toEqual([])
  expect(untouched(after)).toEqual(untouched(before))
  expect(existsSync(state)).toBe(false)

  expect((await reencrypt()).result).toMatchObject({ models: [{ written: ROWS }] })
  expect(unchanged(after, await stored())).toEqual([])
  await expectAllToOpen()
})

test('--restart begins anew, and a file of other work is not taken for its own', async () => {
  expect((await reencrypt('--limit', '200', '--batch', '100')).result).toMatchObject({ models: [{ complete: false }] })
  const other = await runCli(setup, ['rotate', '--reencrypt', 'Doctor', '--state', state])
  expect(other.code).toBe(2)
  expect(other.err).toContain('with other models')
  expect((await reencrypt('--restart')).result).toMatchObject({ models: [{ written: ROWS }] })
})

test('two processes with one file: the second says so; with files of their own, both come through', async () => {
  const before = await stored()
  const pause = join(directory, 'pause')
  writeFileSync(pause, '')
  const first = startCli(setup, args('--state', state, '--batch', '50', '--pause-file', pause))
  await waitUntil(async () => existsSync(state))
  const refused = await reencrypt()
  expect(refused.code).toBe(2)
  expect(refused.err).toContain('is at work with')
  rmSync(pause)
  const second = await runCli(setup, args('--state', join(directory, 'other.json'), '--batch', '50', '--workers', '3'))
  expect(second).toMatchObject({ code: 0, result: { models: [{ written: ROWS, refused: 0 }] } })
  expect(await first.ended).toMatchObject({ code: 0, result: { models: [{ written: ROWS, refused: 0 }] } })
  expect(unchanged(before, await stored())).toEqual([])
  await expectAllToOpen()
})

test('keeps the context that a row was sealed under, and a value that was written past the extension', async () => {
  await sql('DELETE FROM "Patient" WHERE id >= $1', [patient(3).id])
  const keyring = createKeyring({ current: keys.current })
  const context = { tenant: '42' }
  const cipher = createRowCipher({ keys: createKeys({ keyring }), context })
  const record = {
    email: 'P0@example.org',
    ssn: 'ssn 0',
    fullName: 'Name 0',
    birthDate: null,
    history: null,
    notes: null,
    later: 1,
  }
  const binding = [{ column: 'id', tag: 's' as const, value: patient(0).id }]
  const [envelope] = await cipher.seal([{ table: 'Patient', binding, record }])
  await sql('UPDATE "Patient" SET envelope = $2::text::jsonb WHERE id = $1', [patient(0).id, JSON.stringify(envelope)])
  await sql(`UPDATE "Patient" SET "fullName" = 'Newer' WHERE id = $1`, [patient(1).id])
  const before = await stored()
  expect((await reencrypt()).result).toMatchObject({ models: [{ written: 3, refused: 0 }] })
  const after = await stored()
  expect(unchanged(before, after)).toEqual([])
  expect(untouched(after)).toEqual(untouched(before))
  expect(after[1]?.fullName).toBe('Newer')
  expect(after[0]?.envelope).toMatchObject({ ctx: context, kid: 'next' })
  const reader = createRowCipher({ keys: createKeys({ keyring: createKeyring({ current: rotation.next }) }) })
  expect(await reader.open([{ table: 'Patient', binding, envelope: after[0]?.envelope }])).toMatchObject([{ record }])
})

test('of rows that do not open, and of a key that may not be used, nothing is changed', async () => {
  await sql(`UPDATE "Patient" SET envelope = '{}' WHERE id = $1`, [patient(0).id])
  await sql(`UPDATE "Patient" SET envelope = (SELECT envelope FROM "Patient" WHERE id = $2) WHERE id = $1`, [
    patient(1).id,
    patient(2).id,
  ])
  const before = await stored()
  kms.faults.inject({ operation: 'GenerateDataKey', exception: { name: 'AccessDeniedException' } })
  const denied = await reencrypt()
  expect(denied.code).toBe(1)
  expect(denied.err).toContain('ACCESS_DENIED')
  expect(await stored()).toEqual(before)
  kms.faults.clear()
  const { code, events, result } = await reencrypt()
  expect(code).toBe(1)
  expect(result).toMatchObject({ models: [{ written: ROWS - 2, refused: 2, complete: true }] })
  expect(events.filter(({ event }) => event === 'finding')).toMatchObject([
    { primaryKey: { id: patient(0).id }, code: 'CANNOT_OPEN' },
    { primaryKey: { id: patient(1).id }, code: 'CANNOT_OPEN' },
  ])
  expect(unchanged(before, await stored())).toEqual([patient(1).id])
})

test('forgets no row of a page into which others come while it fetches a key', async () => {
  const before = await stored()
  kms.resetLog()
  // The page is read, given up for a key that is not at hand, and read again.
  kms.faults.inject({ operation: 'Decrypt', latencyMs: 1000 })
  const running = startCli(setup, args('--state', state, '--batch', '50'))
  await waitUntil(async () => (kms.calls.Decrypt ?? 0) > 0)
  await promoted({ deadline: 60_000 }).patient.createMany({
    data: Array.from({ length: 30 }, (_, i) => ({ ...patient(ROWS + i), id: `${patient(i).id}+` })),
  })
  kms.faults.clear()
  expect(await running.ended).toMatchObject({ code: 0, err: '' })
  expect(unchanged(before, await stored())).toEqual([])
})
