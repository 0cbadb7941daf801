import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { bindValue, createKeyring, createKeys, createRowCipher, rowContext } from 'prisma-envelope/rows'
import { afterAll, describe, expect, test } from 'vitest'
import { models } from '../support/client.ts'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { ownProcess } from '../support/own-process.ts'
import { countInMemory } from '../support/process-memory.ts'

const { database, sql, kms, keys, arn, indexKey, client } = await createEncryptedClient('memory')
const folder = await mkdtemp(join(tmpdir(), 'prisma-envelope-memory-'))
afterAll(() => rm(folder, { recursive: true }))

type Wrap = 'branch' | 'direct'
const id = { branch: { read: uuid(1), written: uuid(2) }, direct: { read: uuid(3), written: uuid(4) } }

function uuid(n: number): string {
  return `0b3e4e8a-5d5f-4a4e-8d0f-00000000000${n}`
}

/** A child that can be told to use keys, and its steps. */
async function startChild(wrap: Wrap) {
  const snapshot = join(folder, `${wrap}.heapsnapshot`)
  const settings = { READ: id[wrap].read, WRITTEN: id[wrap].written, WRAP: wrap, SNAPSHOT: snapshot }
  const { path, execArgv, env } = ownProcess(
    new URL('../support/process-to-search.ts', import.meta.url),
    { database, kms, arn, indexKey },
    settings,
  )
  const child = fork(path, { execArgv, env })
  await answerOf(child, 'ready')
  const tell = async (step: string): Promise<unknown> => {
    child.send(step)
    return answerOf(child, step)
  }
  return { child, tell, snapshot }
}

async function answerOf(child: ChildProcess, step: string): Promise<unknown> {
  const died = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the child ended with ${code}`)))
  const [answer] = (await Promise.race([once(child, 'message'), died])) as [{ step: string; result: unknown }]
  expect(answer.step).toBe(step)
  return answer.result
}

/** The keys of a row, in the clear, as somebody gets them who may use the KMS. */
async function keysOf(row: string): Promise<{ wrapping: Buffer; dek: Buffer | undefined }> {
  const [found] = await sql<{ envelope: { kid: string; wk: string; dek?: string } }>(
    'SELECT envelope FROM "Doctor" WHERE id = $1::uuid',
    [row],
  )
  const column = models.Doctor?.columns['id']
  if (found === undefined || column === undefined) throw new Error('no such row')
  const { kid, wk, dek } = found.envelope
  const service = createKeys({ keyring: createKeyring(keys) })
  const [opened] = await createRowCipher({ keys: service }).open([
    { table: 'Doctor', binding: [bindValue(column, row)], envelope: found.envelope },
  ])
  if (opened === undefined || opened instanceof Error) throw opened ?? new Error('not opened')
  const [handle] = await service.forOpening([{ kid, wrapped: wk, context: rowContext('Doctor') }])
  if (handle === undefined || handle instanceof Error) throw handle ?? new Error('no key')
  const bytes = dek === undefined ? undefined : handle.rowKeys?.find(dek)
  if (dek !== undefined && bytes === undefined) throw new Error('the DEK was not kept')
  return { wrapping: Buffer.from(handle.bytes), dek: bytes && Buffer.from(bytes) }
}

/** What text a key could stand as. */
function textsOf(key: Buffer): readonly string[] {
  return [
    key.toString('base64'),
    key.toString('base64url'),
    key.toString('hex'),
    key.toString('latin1'),
    Array.from(key).join(','),
  ]
}

describe.skipIf(process.platform !== 'linux').each(['branch', 'direct'] as const)(
  'a process that used keys, wrap %s,',
  (wrap) => {
    test('has them in its memory while they are cached, and nowhere after they expired', { timeout: 180_000 }, async () => {
      await client({ wrap }).doctor.create({ data: { id: id[wrap].read, name: 'To be read' } })
      const read = await keysOf(id[wrap].read)
      const { child, tell, snapshot } = await startChild(wrap)
      try {
        expect(await tell('use')).toBe('Written here')
        const written = await keysOf(id[wrap].written)
        const cached = {
          'key of the row read': read.wrapping,
          ...(read.dek && { 'DEK of the row read': read.dek }),
          'key of the row written': written.wrapping,
        }
        const patterns: Record<string, Buffer> = { ...cached, ...(written.dek && { 'DEK of the row written': written.dek }) }
        const before = countInMemory(child.pid ?? 0, patterns)
        for (const name of Object.keys(cached)) expect([name, before[name]]).not.toEqual([name, 0])

        await tell('expire')
        // A KMS answers with keys in base64, which the SDK reads as text: that is out of reach. A row's DEK that a branch key wraps never is text.
        if (written.dek !== undefined) Object.assign(patterns, { 'a DEK in base64': Buffer.from(written.dek.toString('base64')) })
        const none = Object.fromEntries(Object.keys(patterns).map((name) => [name, 0]))
        expect(countInMemory(child.pid ?? 0, patterns)).toEqual(none)

        await tell('snapshot')
        const heap = await readFile(snapshot, 'latin1')
        expect(heap).toContain('"nodes"')
        expect(heap).toContain('Written here')
        for (const [name, key] of Object.entries(patterns)) {
          for (const text of textsOf(key)) expect([name, heap.includes(text)]).toEqual([name, false])
        }
        child.send('end')
        // Nothing of what expired, or was cached, keeps the process.
        expect(await once(child, 'exit')).toEqual([0, null])
      } finally {
        child.kill('SIGKILL')
      }
    })
  },
)

test('what can be printed shows no key', async () => {
  const db = client()
  await db.doctor.create({ data: { id: uuid(5), name: 'Printed' } })
  const { wrapping, dek } = await keysOf(uuid(5))
  await sql(`UPDATE "Doctor" SET envelope = jsonb_set(envelope, '{ct}', '"AAAA"') WHERE id = $1::uuid`, [uuid(5)])
  const error: unknown = await db.doctor.findUnique({ where: { id: uuid(5) } }).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'CANNOT_OPEN' })
  const objects = [error, db.$envelope, keys, createKeys({ keyring: createKeyring(keys) })]
  const printed = objects
    .map((object) => inspect(object, { depth: 10, showHidden: true, getters: true }) + JSON.stringify(object))
    .join('\n')
  for (const key of [wrapping, dek]) {
    if (key === undefined) throw new Error('no key')
    for (const text of [
      ...textsOf(key),
      Array.from(key.subarray(0, 6)).join(', '),
      key
        .toString('hex')
        .slice(0, 12)
        .replaceAll(/..(?!$)/g, '$& '),
    ]) {
      expect(printed).not.toContain(text)
    }
  }
})
