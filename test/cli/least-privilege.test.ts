import { createIndexKey } from 'prisma-envelope'
import { rowContext } from 'prisma-envelope/rows'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type CliSetup, runCli } from '../support/cli.ts'
import { keyStore } from '../support/client.ts'
import { admit } from '../support/iam.ts'
import { createRotation, patient } from '../support/rotation.ts'

const { kms, setup, seed, underKeys, sql, keys, indexKey, prisma, client, promoted } = await createRotation('cli-least-privilege')
const ROWS = 120
const { pii = '', next: nextArn = '' } = setup.keys
const cli = await admit(kms, 'command-line', nextArn, pii)
const reader = await admit(kms, 'reader', pii)
const mine: CliSetup = { ...setup, kms: cli.kms }

beforeEach(() => seed(ROWS))
afterEach(() => sql('TRUNCATE "Patient", "Doctor" CASCADE'))

const run = (...args: string[]) => runCli(mine, [...args, '--json'])
const done = { code: 0, err: '' }

test.each([
  ['rewrap', ['--rewrap']],
  ['rewrap and open each key again', ['--rewrap', '--verify']],
  ['reencrypt', ['--reencrypt']],
] as const)('moves rows from the old key to the current one: %s', async (_, how) => {
  expect(await run('rotate', ...how, 'Patient')).toMatchObject({
    ...done,
    result: { models: [{ written: ROWS, complete: true }] },
  })
  expect(await underKeys()).toEqual({ next: ROWS })
  expect(await run('verify', 'Patient')).toMatchObject(done)
})

test('reindexes, encrypts, decrypts, and finds nothing wrong with its keys', async () => {
  const fresh = await createIndexKey(keys)
  const reindexing = { ...mine, indexKeys: [fresh, indexKey.current] }
  expect(await runCli(reindexing, ['rotate', '--reindex', 'Patient', '--json'])).toMatchObject({
    ...done,
    result: { models: [{ written: ROWS }] },
  })
  const cleared = await run('decrypt', 'Patient.fullName')
  expect(cleared).toMatchObject(done)
  expect(await sql('SELECT id FROM "Patient" WHERE "fullName" LIKE \'Name %\'')).toHaveLength(ROWS)
  expect(await run('encrypt', 'Patient')).toMatchObject(done)
  expect(await sql('SELECT id FROM "Patient" WHERE "fullName" LIKE \'Name %\'')).toHaveLength(0)
  const { events } = await run('doctor', 'Patient')
  expect(events.filter(({ code }) => code === 'ACCESS_DENIED')).toEqual([])
})

test('moves stored keys, and erases a context without any permission', async () => {
  await sql('TRUNCATE "Patient" CASCADE')
  const stand = { ...mine, keyStore: true }
  const owners = client({ keyStore })
  await seed(ROWS, owners)
  const moved = await runCli(stand, ['rotate', '--rewrap', 'Patient', '--json'])
  expect(moved).toMatchObject({ ...done, result: { storedKeys: { written: 1, refused: 0 }, kmsCalls: 2 } })
  expect(await runCli(stand, ['verify', 'Patient', '--json'])).toMatchObject(done)

  await promoted({ keyStore, context: () => ({ tenant: '42' }) }).patient.create({ data: patient(ROWS) })
  const nobody = await admit(kms, 'administrator', nextArn, pii)
  const erased = await runCli({ ...stand, kms: nobody.kms }, [
    'erase',
    '--context',
    'tenant=42',
    '--keys-live-for',
    '0',
    '--json',
  ])
  expect(erased).toMatchObject({ ...done, result: { keys: 1, rows: { Patient: 1 } } })
  await sql('TRUNCATE envelope_keys')
})

test('touches no other table, and seals nothing under the old key', async () => {
  await prisma.doctor.create({ data: { name: 'Gregory House' } })
  const before = await sql('SELECT envelope::text FROM "Doctor"')
  const { code, err, events } = await run('rotate', '--rewrap', 'Doctor')
  expect(code).not.toBe(0)
  expect(err + JSON.stringify(events)).toContain('ACCESS_DENIED')
  expect(await sql('SELECT envelope::text FROM "Doctor"')).toEqual(before)
  const old = cli.provider(pii)
  for (const call of [old.generateDataKey(rowContext('Patient')), old.wrap(new Uint8Array(32), rowContext('Patient'))]) {
    await expect(call).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  }
})

test('moves nothing with the permissions of a reader, and leaves every row as it is', async () => {
  const before = await sql('SELECT id, envelope::text FROM "Patient" ORDER BY id')
  const { code, err, events } = await runCli({ ...setup, kms: reader.kms }, ['rotate', '--rewrap', 'Patient', '--json'])
  expect(code).not.toBe(0)
  expect(err + JSON.stringify(events)).toContain('ACCESS_DENIED')
  expect(await sql('SELECT id, envelope::text FROM "Patient" ORDER BY id')).toEqual(before)
})
