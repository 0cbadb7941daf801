import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { type CliSetup, runCli } from '../support/cli.ts'
import { keyStore } from '../support/client.ts'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { contextWriter, patientOf } from '../support/rows-under-context.ts'

const encrypted = await createEncryptedClient('cli-erasing', { keyStore })
const { client, sql, database, kms, arn, indexKey } = encrypted
const setup: CliSetup = { databaseUrl: database.url, kms, keys: { pii: arn }, indexKeys: [indexKey.current], keyStore: true }
const folder = await mkdtemp(join(tmpdir(), 'erasing-'))
afterAll(() => rm(folder, { recursive: true }))
afterEach(() => sql('TRUNCATE "Patient", envelope_keys CASCADE'))

const seed = (tenant: string, n: number, mode: 'stored' | 'branch' = 'stored') => contextWriter(encrypted, { mode })(tenant, n)
const erase = (...args: string[]) => runCli(setup, ['erase', '--json', '--keys-live-for', '0', ...args])
const findingsOf = (events: readonly Readonly<Record<string, unknown>>[]) => events.filter(({ event }) => event === 'finding')

test('erases a context, and its printed list erases it again after a restore', async () => {
  await seed('42', 1)
  await seed('43', 2)
  const backup = JSON.stringify(await sql('SELECT * FROM envelope_keys'))
  const row = JSON.stringify(await sql('SELECT * FROM "Patient" WHERE id = $1', ['p1']))
  const { code, err, out, result } = await erase('--context', 'tenant=42')
  expect(err).toBe('')
  expect(code).toBe(0)
  expect(result).toMatchObject({ context: { tenant: '42' }, keys: 1, rows: { Patient: 1 } })

  // The list is what was printed.
  const list = join(folder, 'erased.jsonl')
  await writeFile(
    list,
    out
      .split('\n')
      .filter((line) => line.includes('"result"'))
      .join('\n'),
  )

  const verified = await runCli(setup, ['verify', 'Patient', '--json'])
  expect(findingsOf(verified.events)).toMatchObject([{ code: 'ERASED', primaryKey: { id: 'p1' } }])
  const untouched = await runCli(setup, ['doctor', 'Patient', '--json', '--erased', list])
  expect(findingsOf(untouched.events).map(({ code: found }) => found)).not.toContain('ERASED_AGAIN')

  await sql('TRUNCATE envelope_keys; DELETE FROM "Patient" WHERE id = \'p1\'')
  await sql('INSERT INTO envelope_keys SELECT * FROM json_populate_recordset(NULL::envelope_keys, $1::text::json)', [backup])
  await sql('INSERT INTO "Patient" SELECT * FROM json_populate_recordset(NULL::"Patient", $1::text::json)', [row])
  expect(await client().patient.findFirst({ where: { id: 'p1' } })).toMatchObject(patientOf(1))

  const again = await runCli(setup, ['doctor', 'Patient', '--json', '--erased', list])
  expect(findingsOf(again.events).find(({ code: found }) => found === 'ERASED_AGAIN')).toMatchObject({ severity: 'warning' })
  expect((await runCli(setup, ['verify', 'Patient', '--json'])).result).toMatchObject({ findings: 1 })
  const [p1] = await sql<{ ssn: string | null }>('SELECT ssn FROM "Patient" WHERE id = $1', ['p1'])
  expect(p1?.ssn).toBeNull()
  expect(await client().patient.findFirst({ where: { id: 'p2' } })).toMatchObject(patientOf(2))
})

test('is refused while rows carry their key, until they are moved into the key store', async () => {
  await seed('42', 1)
  await seed('42', 2, 'branch')
  const refused = await erase('--context', 'tenant=42')
  expect(refused.code).toBe(1)
  expect(refused.err).toContain('rotate --reencrypt Patient')
  expect(await client().patient.findMany({ select: { fullName: true } })).toHaveLength(2)
  expect((await runCli(setup, ['rotate', '--reencrypt', 'Patient', '--json', '--state', join(folder, 'state')])).code).toBe(0)
  expect((await erase('--context', 'tenant=42')).result).toMatchObject({ rows: { Patient: 2 } })
})

test.each([
  [['--context', 'tenant'], 'give it as name=value'],
  [['--context', 'tenant=1', '--context', 'tenant=2'], 'given twice'],
  [[], 'erase needs a context'],
])('refuses %j', async (args, message) => {
  const { code, err } = await erase(...args)
  expect(code).toBe(2)
  expect(err).toContain(message)
})
