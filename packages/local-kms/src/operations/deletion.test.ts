import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  KMSClient,
  ListKeysCommand,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LocalKms, type LocalKmsOptions, startLocalKms } from '../index.ts'

const DAY = 86_400_000
let folder: string
let now: number
let cleanUp: (() => unknown)[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-kms-'))
  now = Date.parse('2030-01-01T00:00:00Z')
})
afterEach(async () => {
  for (const end of cleanUp) await end()
  cleanUp = []
  await rm(folder, { recursive: true, force: true })
})

async function start(options: LocalKmsOptions = {}): Promise<{ server: LocalKms; client: KMSClient }> {
  const server = await startLocalKms({ now: () => now, ...options })
  const client = new KMSClient({ endpoint: server.url, region: server.region, credentials: server.credentials, maxAttempts: 1 })
  cleanUp.push(
    () => server.stop(),
    () => client.destroy(),
  )
  return { server, client }
}

const refused = (name: string): object => expect.objectContaining({ name })
const stateOf = async (client: KMSClient, KeyId: string): Promise<string | undefined> =>
  (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState

it('is done at its date: the key is gone, with its aliases, from the list and from the disk', async () => {
  const stateFile = join(folder, 'state.json')
  const { server, client } = await start({ stateFile })
  const { id } = await server.createKey('alias/short-lived')
  const kept = await server.createKey()
  const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId: id, Plaintext: Buffer.alloc(32) }))
  const { DeletionDate } = await client.send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 7 }))
  expect(DeletionDate).toEqual(new Date(now + 7 * DAY))

  now += 7 * DAY - 1
  expect(await stateOf(client, 'alias/short-lived')).toBe('PendingDeletion')
  now += 1
  const uses = [
    () => client.send(new DescribeKeyCommand({ KeyId: id })),
    () => client.send(new DescribeKeyCommand({ KeyId: 'alias/short-lived' })),
    () => client.send(new CancelKeyDeletionCommand({ KeyId: id })),
    () => client.send(new DecryptCommand({ CiphertextBlob, KeyId: id })),
  ]
  for (const use of uses) await expect(use()).rejects.toEqual(refused('NotFoundException'))
  await expect(client.send(new DecryptCommand({ CiphertextBlob }))).rejects.toEqual(refused('AccessDeniedException'))
  expect((await client.send(new ListKeysCommand({}))).Keys).toEqual([{ KeyId: kept.id, KeyArn: kept.arn }])

  await client.send(new CreateAliasCommand({ AliasName: 'alias/short-lived', TargetKeyId: kept.id }))
  expect(await readFile(stateFile, 'utf8')).not.toContain(id)
  await server.stop()
  const again = await start({ stateFile })
  expect(await stateOf(again.client, 'alias/short-lived')).toBe('Enabled')
  await expect(stateOf(again.client, id)).rejects.toEqual(refused('NotFoundException'))
})

it('goes on while the server is down', async () => {
  const stateFile = join(folder, 'state.json')
  const first = await start({ stateFile })
  const { id } = await first.server.createKey('alias/late')
  await first.client.send(new ScheduleKeyDeletionCommand({ KeyId: id }))
  await first.server.stop()
  now += 29 * DAY
  const second = await start({ stateFile })
  expect(await stateOf(second.client, id)).toBe('PendingDeletion')
  await second.server.stop()
  now += DAY
  const third = await start({ stateFile })
  await expect(stateOf(third.client, 'alias/late')).rejects.toEqual(refused('NotFoundException'))
})

it('lets no alias be pointed to the key meanwhile', async () => {
  const { server, client } = await start()
  const { id } = await server.createKey()
  await client.send(new ScheduleKeyDeletionCommand({ KeyId: id }))
  await expect(client.send(new CreateAliasCommand({ AliasName: 'alias/doomed', TargetKeyId: id }))).rejects.toEqual(
    refused('KMSInvalidStateException'),
  )
})

describe('of a multi-Region key', () => {
  async function replicated(): Promise<{ client: KMSClient; west: KMSClient; KeyId: string; replicate: () => Promise<unknown> }> {
    const { server, client } = await start()
    const { client: west } = await start({ region: 'eu-west-1', replicaOf: server })
    const { KeyMetadata } = await client.send(new CreateKeyCommand({ MultiRegion: true }))
    const KeyId = KeyMetadata?.KeyId ?? ''
    const replicate = (): Promise<unknown> => client.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'eu-west-1' }))
    await replicate()
    return { client, west, KeyId, replicate }
  }

  it('takes the replica alone', async () => {
    const { client, west, KeyId, replicate } = await replicated()
    await west.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
    expect([await stateOf(client, KeyId), await stateOf(west, KeyId)]).toEqual(['Enabled', 'PendingDeletion'])
    now += 7 * DAY
    await expect(stateOf(west, KeyId)).rejects.toEqual(refused('NotFoundException'))
    expect(await stateOf(client, KeyId)).toBe('Enabled')
    await replicate()
    expect(await stateOf(west, KeyId)).toBe('Enabled')
  })

  it('waits with the primary until its replicas are gone, and its days begin then', async () => {
    const { client, west, KeyId, replicate } = await replicated()
    const scheduled = await client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 10 }))
    expect(scheduled).toMatchObject({ KeyState: 'PendingReplicaDeletion', PendingWindowInDays: 10 })
    expect(scheduled.DeletionDate).toBeUndefined()
    now += 100 * DAY
    expect((await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata).toMatchObject({
      KeyState: 'PendingReplicaDeletion',
      PendingDeletionWindowInDays: 10,
      Enabled: false,
    })
    await expect(client.send(new EncryptCommand({ KeyId, Plaintext: Buffer.alloc(1) }))).rejects.toEqual(
      refused('KMSInvalidStateException'),
    )
    await expect(replicate()).rejects.toEqual(refused('KMSInvalidStateException'))
    await expect(west.send(new EncryptCommand({ KeyId, Plaintext: Buffer.alloc(1) }))).resolves.toBeDefined()

    await west.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }))
    now += 7 * DAY
    expect((await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata).toMatchObject({
      KeyState: 'PendingDeletion',
      DeletionDate: new Date(now + 10 * DAY),
    })
    now += 10 * DAY
    await expect(stateOf(client, KeyId)).rejects.toEqual(refused('NotFoundException'))
  })

  it('is cancelled while it waits', async () => {
    const { client, KeyId } = await replicated()
    await client.send(new ScheduleKeyDeletionCommand({ KeyId }))
    await client.send(new CancelKeyDeletionCommand({ KeyId }))
    expect(await stateOf(client, KeyId)).toBe('Disabled')
  })
})
