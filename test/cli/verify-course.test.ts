import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { awsKms } from '@prisma-envelope/kms/aws'
import { createIndexKey } from 'prisma-envelope'
import { afterAll, afterEach, expect, test } from 'vitest'
import { type CliResult, runCli, startCli } from '../support/cli.ts'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { kmsClient } from '../support/kms-client.ts'

const { database, sql, kms, arn, prisma, client, indexKey } = await createEncryptedClient('cli-verify-course')
const setup = { databaseUrl: database.url, kms, keys: { pii: arn }, indexKeys: [indexKey.current] }
const admin = kmsClient(kms)
afterAll(() => admin.destroy())
afterEach(() => kms.faults.clear())

const ROWS = 300
await prisma.contact.createMany({
  data: Array.from({ length: ROWS }, (_, n) => ({ email: `u${n}@example.org`, familyName: `F ${n}`, street: `S ${n}` })),
})

const verified = ({ result }: CliResult) => result?.['models']

test('waits for a KMS that throttles, or is away for a while', async () => {
  kms.faults.inject({ throttle: true, times: 20 })
  const throttled = await runCli({ ...setup, deadline: 2000 }, ['verify', 'Contact', '--json'])
  expect(throttled).toMatchObject({ code: 0, result: { complete: true, findings: 0, models: [{ rows: ROWS }] } })
  expect(throttled.events).toContainEqual({ event: 'note', text: 'Contact: trying again after THROTTLED' })
})

test('ends with an error, and no findings, where the KMS stays away or refuses', async () => {
  kms.faults.inject({ throttle: true })
  const away = await runCli(setup, ['verify', 'Contact', '--json', '--patience', '1'])
  expect(away).toMatchObject({ code: 1, result: undefined, err: expect.stringContaining('THROTTLED') })
  kms.faults.clear()
  await admin.send(new DisableKeyCommand({ KeyId: arn }))
  const disabled = await runCli(setup, ['verify', 'Contact', '--json'])
  await admin.send(new EnableKeyCommand({ KeyId: arn }))
  expect(disabled).toMatchObject({ code: 1, result: undefined, err: expect.stringContaining('KEY_DISABLED') })
  for (const { events } of [away, disabled]) expect(events.filter(({ event }) => event === 'finding')).toEqual([])
})

test('goes on where the server has ended its connections', async () => {
  const { ended } = startCli(setup, ['verify', 'Contact', '--json', '--batch', '20', '--rate', '150'])
  let killed = 0
  for (let i = 0; i < 200 && killed === 0; i++) {
    await sleep(20)
    const ended = await sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'prisma-envelope-cli'`,
    )
    killed = ended.length
  }
  expect(killed).toBeGreaterThan(0)
  const result = await ended
  expect(result).toMatchObject({ code: 0, err: '' })
  expect(verified(result)).toMatchObject([{ rows: ROWS, complete: true }])
})

test('stops at a signal, with what it has read so far', async () => {
  const pauseFile = join(mkdtempSync(join(tmpdir(), 'verify-')), 'pause')
  writeFileSync(pauseFile, '')
  const { process: child, ended } = startCli(setup, ['verify', 'Contact', '--json', '--pause-file', pauseFile])
  child.stdout?.on('data', (text: string) => {
    if (text.includes('exists')) child.kill('SIGINT')
  })
  const result = await ended
  expect(result.code).toBe(130)
  expect(result.result).toMatchObject({ complete: false, models: [{ rows: 0, complete: false }] })
})

test('finds nothing wrong in rows that an application writes meanwhile', async () => {
  let running = true
  let writes = 0
  const ids = (await sql<{ id: number }>('SELECT id FROM "Contact" ORDER BY id')).map(({ id }) => id)
  async function write(from: number): Promise<void> {
    for (let n = from; running; n += 3) {
      const id = ids[n % ids.length]
      const text = `w${n}`
      await prisma.contact.update({
        where: { id: id as number },
        data: { email: `${text}@example.org`, backupEmail: n % 2 ? null : `${text}@example.org`, street: text },
      })
      const { id: passing } = await prisma.contact.create({ data: { email: `${text}@p`, familyName: text, street: text } })
      await prisma.contact.delete({ where: { id: passing } })
      writes += 3
    }
  }
  const writers = [0, 1, 2].map(write)
  for (let round = 0; round < 3; round++) {
    const result = await runCli(setup, ['verify', 'Contact', '--json', '--batch', '7', '--workers', '2'])
    expect(result).toMatchObject({ code: 0, result: { findings: 0 } })
  }
  running = false
  await Promise.all(writers)
  expect(writes).toBeGreaterThan(30)
})

test('opens directly wrapped rows within a ration of KMS calls', async () => {
  await client({ wrap: 'direct' }).givenKey.createMany({
    data: Array.from({ length: 30 }, (_, n) => ({ id: `g${n}`, secret: `s ${n}` })),
  })
  kms.resetLog()
  const result = await runCli({ ...setup, deadline: 1000 }, ['verify', 'GivenKey', '--json', '--kms-rate', '20'])
  expect(result).toMatchObject({ code: 0, err: '' })
  expect(result.events.filter(({ event }) => event === 'note')).toEqual([])
  expect(kms.calls).toEqual({ Decrypt: 30 })
})

test('recomputes tokens under the other index keys too, and finds those under unknown ones', async () => {
  const other = await createIndexKey({ current: awsKms({ name: 'pii', keyId: arn, client: admin }) })
  const both = await runCli({ ...setup, indexKeys: [other, indexKey.current] }, ['verify', 'Contact', '--json'])
  expect(both).toMatchObject({ code: 0, result: { findings: 0 } })
  const [{ id } = { id: 0 }] = await sql<{ id: number }>('SELECT min(id) AS id FROM "Contact"')
  await sql(`UPDATE "Contact" SET email = (SELECT email FROM "Contact" WHERE id = $1 + 1) WHERE id = $1`, [id])
  const pasted = await runCli({ ...setup, indexKeys: [other, indexKey.current] }, ['verify', 'Contact', '--json'])
  expect(pasted).toMatchObject({ code: 1, result: { models: [{ findings: { TOKEN_MISMATCH: 1 } }] } })
  const unknown = await runCli({ ...setup, indexKeys: [other] }, ['verify', 'Contact.email', '--json', '--max-findings', '1'])
  expect(unknown).toMatchObject({ code: 1, result: { models: [{ findings: { INDEX_KEY_UNKNOWN: ROWS } }] } })
})

test('draws a sample of a huge table from blocks, and says so', async () => {
  await sql(`VACUUM "GivenKey"`)
  // As huge as the catalog has it.
  await sql(`UPDATE pg_class SET reltuples = 1100000 * relpages / (pg_relation_size(oid) / 8192) WHERE relname = 'GivenKey'`)
  const result = await runCli(setup, ['verify', 'GivenKey', '--sample', '250000', '--json', '--kms-rate', '100'])
  expect(result).toMatchObject({ code: 0, result: { models: [{ sample: 'blocks', complete: true }] } })
  expect((await runCli(setup, ['verify', 'GivenKey', '--sample', '275000', '--json'])).result).toMatchObject({
    models: [{ sample: 'rows', rows: 30 }],
  })
})

test('finds every row whose key is in no keyring', async () => {
  const { arn: another } = await kms.createKey()
  const line = await createIndexKey({ current: awsKms({ name: 'new', keyId: another, client: admin }) })
  const result = await runCli({ ...setup, keys: { new: another }, indexKeys: [line] }, ['verify', 'GivenKey', '--json'])
  expect(result).toMatchObject({ code: 1, result: { models: [{ findings: { KEY_UNKNOWN: 30 } }] } })
})
