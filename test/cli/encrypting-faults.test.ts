import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import postgres from 'postgres'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CliSetup, type RunningCli, runCli, startCli } from '../support/cli.ts'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { kmsClient } from '../support/kms-client.ts'

const { database, sql, kms, arn, bare, prisma, indexKey } = await createEncryptedClient('cli-faults')
const setup: CliSetup = {
  databaseUrl: database.url,
  kms,
  keys: { pii: arn },
  indexKeys: [indexKey.current],
  deadline: 1000,
  branchRows: 100,
}
const ROWS = 600
const NAMES = Array.from({ length: ROWS }, (_, i) => `Name ${i}`)
const encrypt = ['encrypt', 'Patient', '--batch', '50', '--json']

/** A connection of an application, or of somebody else. */
const other = postgres(database.url, { max: 2, onnotice: () => {} })
afterAll(() => other.end())
afterEach(() => kms.faults.clear())

beforeEach(async () => {
  await sql('TRUNCATE "Patient" CASCADE')
  await bare.patient.createMany({
    data: NAMES.map((fullName, i) => ({ id: `p${String(i).padStart(4, '0')}`, email: `P${i}@example.org`, fullName, ward: 'A' })),
  })
})

const count = async (condition: string): Promise<number> =>
  (await sql<{ n: number }>(`SELECT count(*)::int AS n FROM "Patient" WHERE ${condition}`))[0]?.n ?? 0

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10)
}

const UNTOUCHED = `envelope IS NULL AND "fullName" LIKE 'Name %' AND email LIKE 'P%@example.org'`

const isUnderWay = async () => (await count('envelope IS NOT NULL')) > 0

/** Slow enough to meet it in its midst. */
const startSlowly = (more: readonly string[] = [], changed: Partial<CliSetup> = {}): RunningCli =>
  startCli({ ...setup, ...changed }, [...encrypt, '--rate', '100', ...more])

/** The end of any run: every row sealed, with the value that it had. */
async function expectAllEncrypted(names: readonly string[] = NAMES): Promise<void> {
  expect(await count(`envelope IS NULL OR "fullName" <> '*' OR email NOT LIKE '~%'`)).toBe(0)
  const rows = await prisma.patient.findMany({ select: { fullName: true }, orderBy: { id: 'asc' } })
  expect(rows.map(({ fullName }) => fullName)).toEqual(names)
}

describe('a KMS', () => {
  test.each([
    ['that hangs', { hang: true }, 'TIMEOUT'],
    ['that is down', { drop: true }, 'UNAVAILABLE'],
    ['that throttles', { throttle: true }, 'THROTTLED'],
  ] as const)('%s in the middle locks no row, and the run goes on afterwards', async (_title, fault, code) => {
    const running = startSlowly([], { deadline: 3000 })
    await until(isUnderWay)
    kms.faults.inject(fault)
    await running.printed(`trying again after ${code}`)
    const [plain] = await sql<{ id: string }>('SELECT id FROM "Patient" WHERE envelope IS NULL ORDER BY id DESC LIMIT 1')
    await other.begin(async (tx) => {
      // Less than one attempt of a KMS call.
      await tx`SET LOCAL lock_timeout = '1s'`
      await tx`UPDATE "Patient" SET ward = 'B'`
      await tx`UPDATE "Patient" SET "fullName" = 'Newer' WHERE id = ${plain?.id ?? ''}`
    })
    kms.faults.clear()
    expect(await running.ended).toMatchObject({ code: 0, err: '' })
    await expectAllEncrypted(NAMES.map((name, i) => (i === ROWS - 1 ? 'Newer' : name)))
  })

  test('that stays away ends the run once its patience does, with what is written by then', async () => {
    const running = startSlowly(['--patience', '0.5'])
    await until(isUnderWay)
    kms.faults.inject({ throttle: true })
    const { code, err } = await running.ended
    expect(code).toBe(1)
    // Whichever comes first: the KMS says so until the time is up.
    expect(err).toMatch(/^prisma-envelope-cli: (THROTTLED|TIMEOUT): /)
    kms.faults.clear()
    expect(await count('envelope IS NOT NULL')).toBeGreaterThan(0)
    expect((await runCli(setup, encrypt)).code).toBe(0)
    await expectAllEncrypted()
  })

  test('whose key is disabled ends the run before a row is changed', async () => {
    const admin = kmsClient(kms)
    await admin.send(new DisableKeyCommand({ KeyId: arn }))
    const { code, err } = await runCli(setup, encrypt)
    await admin.send(new EnableKeyCommand({ KeyId: arn }))
    admin.destroy()
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/^prisma-envelope-cli: KEY_DISABLED: .*\n$/) })
    expect(await count(UNTOUCHED)).toBe(ROWS)
  })

  test.each<[string, Partial<CliSetup>, string]>([
    ['without the key', { keys: { pii: arn.replace(/[0-9a-f]{12}$/, '000000000000') } }, 'KEY_UNKNOWN'],
    [
      'that refuses the credentials',
      { kms: { ...kms, credentials: { ...kms.credentials, secretAccessKey: 'wrong' } } },
      'ACCESS_DENIED',
    ],
    ['that an index key is not of', { indexKeys: ['pii2.AAAA'] }, 'CONFIG'],
  ])('%s ends the run before a row is changed', async (_title, changed, wanted) => {
    const { code, err } = await runCli({ ...setup, ...changed }, encrypt)
    expect({ code, err }).toEqual({
      code: wanted === 'CONFIG' ? 2 : 1,
      err: expect.stringMatching(new RegExp(`^prisma-envelope-cli: ${wanted}: .*\n$`)),
    })
    expect(await count(UNTOUCHED)).toBe(ROWS)
  })
})

describe('a database', () => {
  test('that cuts all connections, again and again, loses nothing', async () => {
    const running = startSlowly()
    await until(isUnderWay)
    for (let i = 0; i < 5; i++) {
      await sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'prisma-envelope-cli' AND datname = current_database()`,
      )
      await sleep(100)
    }
    expect(await running.ended).toMatchObject({ code: 0, err: '' })
    await expectAllEncrypted()
  })

  test('whose table is locked for longer than a lock is waited for is tried again', async () => {
    const running = startSlowly()
    await until(isUnderWay)
    await other.begin(async (tx) => {
      await tx`LOCK TABLE "Patient" IN ACCESS EXCLUSIVE MODE`
      await running.printed('trying again after 55P03')
    })
    expect(await running.ended).toMatchObject({ code: 0, err: '' })
    await expectAllEncrypted()
  })

  test('with rows locked by others is done with the rest first, then with those', async () => {
    const locked = await other.reserve()
    await locked`BEGIN`
    await locked`UPDATE "Patient" SET "fullName" = 'Newer' WHERE id = 'p0003'`
    const running = startCli(setup, encrypt)
    await until(async () => (await count('envelope IS NULL')) === 1)
    await locked`COMMIT`
    locked.release()
    expect(await running.ended).toMatchObject({ code: 0, err: '' })
    await expectAllEncrypted(NAMES.map((name, i) => (i === 3 ? 'Newer' : name)))
  })

  test.each(['40001', '40P01', '08006', '57P01'])(
    'that gives up a transaction with SQLSTATE %s once is asked again',
    async (state) => {
      await sql('CREATE SEQUENCE once')
      await sql(`CREATE FUNCTION once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF nextval('once') = 120 THEN RAISE EXCEPTION 'once' USING ERRCODE = '${state}'; END IF; RETURN NEW; END $$`)
      await sql('CREATE TRIGGER once BEFORE UPDATE ON "Patient" FOR EACH ROW EXECUTE FUNCTION once()')
      const { code, events } = await runCli(setup, encrypt)
      await sql('DROP FUNCTION once() CASCADE; DROP SEQUENCE once')
      expect(events).toContainEqual({ event: 'note', text: `Patient: trying again after ${state}` })
      expect(code).toBe(0)
      await expectAllEncrypted()
    },
  )

  test('that ends a deadlock with an application at its cost is asked again', async () => {
    const token = await prisma.$envelope.token('Patient.email', 'P5@example.org')
    const application = await other.reserve()
    try {
      await application`SET deadlock_timeout = '1min'`
      await application`BEGIN`
      // The batch waits for this transaction, to know whether the token is taken.
      await application`INSERT INTO "Patient" (id, email, "fullName", ward, envelope) VALUES ('zoe', ${token}, '*', 'A', '{}')`
      const running = startCli(setup, ['encrypt', 'Patient', '--batch', String(ROWS), '--json'])
      await until(async () => {
        const [waiting] = await sql(
          `SELECT 1 FROM pg_stat_activity WHERE application_name = 'prisma-envelope-cli' AND wait_event_type = 'Lock' AND datname = current_database()`,
        )
        return waiting !== undefined
      })
      // And this one for a row of the batch.
      await application`UPDATE "Patient" SET ward = 'B' WHERE id = 'p0009'`
      await application`ROLLBACK`
      const { code, events } = await running.ended
      expect(events).toContainEqual({ event: 'note', text: 'Patient: trying again after 40P01' })
      expect(code).toBe(0)
    } finally {
      await application`RESET deadlock_timeout`
      application.release()
    }
    await expectAllEncrypted()
  })

  test('whose transactions are serializable by default takes the run all the same, beside writers', async () => {
    await sql(`ALTER DATABASE "${new URL(database.url).pathname.slice(1)}" SET default_transaction_isolation = 'serializable'`)
    const running = startSlowly()
    await until(isUnderWay)
    for (let i = 0; i < ROWS; i += 10)
      await sql(`UPDATE "Patient" SET ward = 'B' WHERE id = $1`, [`p${String(i).padStart(4, '0')}`])
    expect(await running.ended).toMatchObject({ code: 0, err: '' })
    await sql(`ALTER DATABASE "${new URL(database.url).pathname.slice(1)}" RESET default_transaction_isolation`)
    await expectAllEncrypted()
  })
})

describe('a process', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'that gets %s finishes its batch and ends with 130; another goes on',
    async (signal) => {
      const running = startSlowly()
      await until(isUnderWay)
      running.process.kill(signal)
      const { code, result } = await running.ended
      const written = await count('envelope IS NOT NULL')
      expect({ code, result }).toMatchObject({ code: 130, result: { models: [{ written, complete: false }] } })
      expect(written % 50).toBe(0)
      expect(written).toBeLessThan(ROWS)
      expect((await runCli(setup, encrypt)).result).toMatchObject({ models: [{ written: ROWS - written, complete: true }] })
      await expectAllEncrypted()
    },
  )

  test('that is interrupted while the KMS hangs ends with 130, too', async () => {
    const running = startSlowly()
    await until(isUnderWay)
    kms.faults.inject({ hang: true })
    await running.printed('trying again after TIMEOUT')
    running.process.kill('SIGINT')
    expect((await running.ended).code).toBe(130)
  })

  test('writes nothing while its pause file exists', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'prisma-envelope-pause-'))
    const file = join(directory, 'pause')
    await writeFile(file, '')
    const running = startCli(setup, [...encrypt, '--pause-file', file])
    await running.printed(`waiting, as ${file} exists`)
    expect(await count(UNTOUCHED)).toBe(ROWS)
    await rm(directory, { recursive: true })
    const { code, events } = await running.ended
    expect(code).toBe(0)
    expect(events.filter(({ event }) => event === 'note')).toHaveLength(1)
    await expectAllEncrypted()
  })

  test('that is killed leaves whole rows, old or new; another goes on', async () => {
    const running = startSlowly()
    await until(isUnderWay)
    running.process.kill('SIGKILL')
    expect((await running.ended).code).toBe(null)
    expect(await count(`(envelope IS NULL) = ("fullName" = '*') OR (envelope IS NULL) = (email LIKE '~%')`)).toBe(0)
    expect(await runCli(setup, encrypt)).toMatchObject({ code: 0, err: '' })
    await expectAllEncrypted()
  })

  test('shares a table with others, none of which does a row again', async () => {
    const results = await Promise.all([runCli(setup, [...encrypt, '--workers', '3']), runCli(setup, encrypt)])
    expect(results.map(({ code }) => code)).toEqual([0, 0])
    const written = results.map(({ result }) => (result as { models: { written: number }[] }).models[0]?.written ?? 0)
    expect(written.reduce((a, b) => a + b)).toBe(ROWS)
    await expectAllEncrypted()
    expect((await runCli(setup, encrypt)).result).toMatchObject({ models: [{ written: 0, complete: true }] })
  })

  test('never overwrites what applications write meanwhile, with the extension or without', async () => {
    const running = startSlowly(['--workers', '2'])
    await until(isUnderWay)
    const wanted = [...NAMES]
    for (let i = 0; i < ROWS; i += 7) {
      const id = `p${String(i).padStart(4, '0')}`
      wanted[i] = `Newer ${i}`
      // A row that is sealed by now is written by the extension, or by something that knows of none.
      const isSealed = (await count(`id = '${id}' AND envelope IS NOT NULL`)) > 0
      if (isSealed && i % 2 === 0) await prisma.patient.update({ where: { id }, data: { fullName: `Newer ${i}` } })
      else await bare.patient.update({ where: { id }, data: { fullName: `Newer ${i}` } })
    }
    expect(await running.ended).toMatchObject({ code: 0, err: '' })
    expect((await runCli(setup, encrypt)).code).toBe(0)
    await expectAllEncrypted(wanted)
  })
})
