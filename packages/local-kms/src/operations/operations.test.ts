import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GetKeyPolicyCommand,
  KMSClient,
  ListKeysCommand,
  ReEncryptCommand,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type LocalKms, startLocalKms } from '../index.ts'

let server: LocalKms
let client: KMSClient
let key: { id: string; arn: string }
const context = { table: 'Patient', tenant: '42' }

beforeAll(async () => {
  server = await startLocalKms({ region: 'eu-central-1', accountId: '111122223333' })
  client = new KMSClient({
    endpoint: server.url,
    region: server.region,
    credentials: server.credentials,
    maxAttempts: 1,
  })
})
beforeEach(async () => {
  key = await server.createKey()
  server.resetLog()
})
afterAll(async () => {
  client.destroy()
  await server.stop()
})

const encryptKey = async (): Promise<Uint8Array> => {
  const { CiphertextBlob } = await client.send(
    new EncryptCommand({ KeyId: key.id, Plaintext: Buffer.alloc(32, 7), EncryptionContext: context }),
  )
  if (CiphertextBlob === undefined) throw new Error('no blob')
  return CiphertextBlob
}
const refused = (name: string, status = 400): object =>
  expect.objectContaining({ name, $metadata: expect.objectContaining({ httpStatusCode: status }) })

describe('GenerateDataKey', () => {
  it('answers a 32-byte key, wrapped into 184 bytes, that Decrypt opens under the same context in another order', async () => {
    const made = await client.send(
      new GenerateDataKeyCommand({ KeyId: key.id, KeySpec: 'AES_256', EncryptionContext: { a: '1', b: '2' } }),
    )
    expect(made.Plaintext).toHaveLength(32)
    expect(made.CiphertextBlob).toHaveLength(184)
    expect(made.KeyId).toBe(key.arn)
    const opened = await client.send(
      new DecryptCommand({ CiphertextBlob: made.CiphertextBlob, EncryptionContext: { b: '2', a: '1' } }),
    )
    expect(opened.Plaintext).toEqual(made.Plaintext)
    expect(opened.KeyId).toBe(key.arn)
    expect(opened.EncryptionAlgorithm).toBe('SYMMETRIC_DEFAULT')
  })

  it('makes AES_128 keys and keys of a given number of bytes, and insists on one of both', async () => {
    const short = await client.send(new GenerateDataKeyCommand({ KeyId: key.id, KeySpec: 'AES_128' }))
    expect(short.Plaintext).toHaveLength(16)
    const long = await client.send(new GenerateDataKeyCommand({ KeyId: key.id, NumberOfBytes: 1024 }))
    expect(long.Plaintext).toHaveLength(1024)
    for (const input of [{}, { KeySpec: 'AES_256', NumberOfBytes: 32 }, { NumberOfBytes: 1025 }, { NumberOfBytes: 0 }] as const) {
      await expect(client.send(new GenerateDataKeyCommand({ KeyId: key.id, ...input }))).rejects.toEqual(
        refused('ValidationException'),
      )
    }
  })

  it('takes a key by id, ARN, alias and alias ARN', async () => {
    const { id, arn } = await server.createKey('alias/names')
    const aliasArn = `arn:aws:kms:eu-central-1:111122223333:alias/names`
    for (const KeyId of [id, arn, 'alias/names', aliasArn]) {
      expect((await client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }))).KeyId).toBe(arn)
    }
  })
})

describe('Encrypt', () => {
  it('takes at most 4,096 bytes and at least one', async () => {
    const encrypt = (length: number): Promise<unknown> =>
      client.send(new EncryptCommand({ KeyId: key.id, Plaintext: Buffer.alloc(length) }))
    await expect(encrypt(4096)).resolves.toBeDefined()
    await expect(encrypt(4097)).rejects.toEqual(refused('ValidationException'))
    await expect(encrypt(0)).rejects.toEqual(refused('ValidationException'))
  })

  it('refuses a context above 8,192 characters, another algorithm and enclaves, and answers a dry run as AWS does', async () => {
    const encrypt = (more: object): Promise<unknown> =>
      client.send(new EncryptCommand({ KeyId: key.id, Plaintext: Buffer.alloc(32), ...more }))
    await expect(encrypt({ EncryptionContext: { a: 'x'.repeat(8192) } })).rejects.toEqual(refused('ValidationException'))
    await expect(encrypt({ EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' })).rejects.toEqual(refused('InvalidKeyUsageException'))
    await expect(encrypt({ DryRun: true })).rejects.toEqual(refused('DryRunOperationException', 412))
  })
})

describe('Decrypt', () => {
  it('compares the context exactly', async () => {
    const CiphertextBlob = await encryptKey()
    const others = [
      undefined,
      {},
      { table: 'Patient' },
      { ...context, more: '' },
      { ...context, tenant: '43' },
      { ...context, Tenant: '42' },
      { table: 'Patient42', tenant: '' },
      { table: 'patient', tenant: '42' },
    ]
    for (const EncryptionContext of others) {
      await expect(client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }))).rejects.toEqual(
        refused('InvalidCiphertextException'),
      )
    }
  })

  it('answers IncorrectKeyException where KeyId names another key, and decrypts where it names the right one in any way', async () => {
    const CiphertextBlob = await encryptKey()
    await client.send(new CreateAliasCommand({ AliasName: `alias/${key.id}`, TargetKeyId: key.id }))
    for (const KeyId of [key.id, key.arn, `alias/${key.id}`]) {
      const opened = await client.send(new DecryptCommand({ CiphertextBlob, KeyId, EncryptionContext: context }))
      expect(opened.KeyId).toBe(key.arn)
    }
    const { id } = await server.createKey()
    await expect(client.send(new DecryptCommand({ CiphertextBlob, KeyId: id, EncryptionContext: context }))).rejects.toEqual(
      refused('IncorrectKeyException'),
    )
  })

  it('answers InvalidCiphertextException for a blob that is altered at any byte, cut short or of something else', async () => {
    const blob = await encryptKey()
    const open = (CiphertextBlob: Uint8Array): Promise<unknown> =>
      client.send(new DecryptCommand({ CiphertextBlob, KeyId: key.id, EncryptionContext: context }))
    for (let at = 0; at < blob.length; at += 1) {
      await expect(open(blob.with(at, (blob[at] ?? 0) ^ 1)), `byte ${at}`).rejects.toEqual(refused('InvalidCiphertextException'))
    }
    for (const length of [1, 4, 40, 152, 183]) {
      await expect(open(blob.subarray(0, length))).rejects.toEqual(refused('InvalidCiphertextException'))
    }
    await expect(open(new Uint8Array(6145))).rejects.toEqual(refused('ValidationException'))
    await expect(open(new Uint8Array(0))).rejects.toEqual(refused('ValidationException'))
  })

  it('answers AccessDeniedException for a blob of a key that is not here', async () => {
    const other = await startLocalKms({ region: server.region })
    try {
      const { id } = await other.createKey()
      const otherClient = new KMSClient({ endpoint: other.url, region: other.region, credentials: other.credentials })
      const { CiphertextBlob } = await otherClient.send(new EncryptCommand({ KeyId: id, Plaintext: Buffer.alloc(32) }))
      otherClient.destroy()
      await expect(client.send(new DecryptCommand({ CiphertextBlob }))).rejects.toEqual(refused('AccessDeniedException'))
    } finally {
      await other.stop()
    }
  })
})

describe('keys', () => {
  it('answers NotFoundException for ids, aliases, ARNs and Regions that are not here', async () => {
    const missing = [
      '12345678-1234-1234-1234-123456789012',
      'mrk-0123456789abcdef0123456789abcdef',
      'nonsense',
      'alias/missing',
      'arn:aws:kms:eu-central-1:111122223333:key/12345678-1234-1234-1234-123456789012',
      'arn:aws:kms:eu-central-1:111122223333:alias/missing',
      key.arn.replace('eu-central-1', 'us-east-1'),
      'arn:aws:kms:nonsense',
    ]
    for (const KeyId of missing) {
      await expect(client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' })), KeyId).rejects.toEqual(
        refused('NotFoundException'),
      )
    }
  })

  it("answers AccessDeniedException for another account's key", async () => {
    const KeyId = key.arn.replace('111122223333', '999999999999')
    await expect(client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }))).rejects.toEqual(
      refused('AccessDeniedException'),
    )
  })

  it('answers DisabledException until the key is enabled again', async () => {
    const CiphertextBlob = await encryptKey()
    await client.send(new DisableKeyCommand({ KeyId: key.id }))
    const calls = [
      () => client.send(new GenerateDataKeyCommand({ KeyId: key.id, KeySpec: 'AES_256' })),
      () => client.send(new EncryptCommand({ KeyId: key.id, Plaintext: Buffer.alloc(1) })),
      () => client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: context })),
    ]
    for (const call of calls) await expect(call()).rejects.toEqual(refused('DisabledException'))
    expect((await client.send(new DescribeKeyCommand({ KeyId: key.id }))).KeyMetadata).toMatchObject({
      Enabled: false,
      KeyState: 'Disabled',
    })
    await client.send(new EnableKeyCommand({ KeyId: key.arn }))
    for (const call of calls) await expect(call()).resolves.toBeDefined()
    await expect(client.send(new DisableKeyCommand({ KeyId: 'alias/names' }))).rejects.toEqual(refused('NotFoundException'))
  })

  it('creates symmetric keys, multi-Region ones with mrk- ids, and no others', async () => {
    const { KeyMetadata } = await client.send(new CreateKeyCommand({ Description: 'PII', MultiRegion: true }))
    expect(KeyMetadata).toMatchObject({
      KeyState: 'Enabled',
      Description: 'PII',
      MultiRegion: true,
      AWSAccountId: '111122223333',
    })
    expect(KeyMetadata?.KeyId).toMatch(/^mrk-[0-9a-f]{32}$/)
    expect(KeyMetadata?.Arn).toBe(`arn:aws:kms:eu-central-1:111122223333:key/${KeyMetadata?.KeyId}`)
    const made = await client.send(new GenerateDataKeyCommand({ KeyId: KeyMetadata?.KeyId, KeySpec: 'AES_256' }))
    expect(made.CiphertextBlob).toHaveLength(184)
    await expect(client.send(new CreateKeyCommand({ Description: 'x'.repeat(8193) }))).rejects.toEqual(
      refused('ValidationException'),
    )
    await expect(client.send(new CreateKeyCommand({ KeySpec: 'RSA_2048' }))).rejects.toEqual(
      refused('UnsupportedOperationException'),
    )
  })
})

describe('GenerateDataKeyWithoutPlaintext', () => {
  it('answers a wrapped key alone, which Decrypt opens', async () => {
    const made = await client.send(
      new GenerateDataKeyWithoutPlaintextCommand({ KeyId: key.id, KeySpec: 'AES_256', EncryptionContext: context }),
    )
    expect(made).toMatchObject({ KeyId: key.arn })
    expect(made).not.toHaveProperty('Plaintext')
    const opened = await client.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob, EncryptionContext: context }))
    expect(opened.Plaintext).toHaveLength(32)
  })
})

describe('ReEncrypt', () => {
  it('wraps under another key and context, without showing what', async () => {
    const second = await server.createKey()
    const CiphertextBlob = await encryptKey()
    const moved = await client.send(
      new ReEncryptCommand({
        CiphertextBlob,
        SourceEncryptionContext: context,
        DestinationKeyId: second.arn,
        DestinationEncryptionContext: { table: 'Doctor' },
      }),
    )
    expect(moved).toMatchObject({ SourceKeyId: key.arn, KeyId: second.arn, DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT' })
    expect(moved).not.toHaveProperty('Plaintext')
    const open = (EncryptionContext: Record<string, string>): Promise<{ Plaintext?: Uint8Array | undefined }> =>
      client.send(new DecryptCommand({ CiphertextBlob: moved.CiphertextBlob, KeyId: second.id, EncryptionContext }))
    expect((await open({ table: 'Doctor' })).Plaintext).toEqual(new Uint8Array(32).fill(7))
    await expect(open(context)).rejects.toEqual(refused('InvalidCiphertextException'))
  })

  it('refuses a wrong source context, a wrong source key, and disabled keys on either side', async () => {
    const second = await server.createKey()
    const CiphertextBlob = await encryptKey()
    const move = (more: object): Promise<unknown> =>
      client.send(
        new ReEncryptCommand({ CiphertextBlob, SourceEncryptionContext: context, DestinationKeyId: second.id, ...more }),
      )
    await expect(move({ SourceEncryptionContext: {} })).rejects.toEqual(refused('InvalidCiphertextException'))
    await expect(move({ SourceKeyId: second.id })).rejects.toEqual(refused('IncorrectKeyException'))
    await expect(move({ DestinationKeyId: 'alias/none' })).rejects.toEqual(refused('NotFoundException'))
    await expect(move({ DestinationEncryptionAlgorithm: 'RSAES_OAEP_SHA_1' })).rejects.toEqual(
      refused('InvalidKeyUsageException'),
    )
    for (const KeyId of [key.id, second.id]) {
      await client.send(new DisableKeyCommand({ KeyId }))
      await expect(move({})).rejects.toEqual(refused('DisabledException'))
      await client.send(new EnableKeyCommand({ KeyId }))
    }
    await expect(move({})).resolves.toBeDefined()
  })
})

describe('deletion', () => {
  it('is pending for days, in which nothing uses the key, and can be cancelled', async () => {
    const CiphertextBlob = await encryptKey()
    const scheduled = await client.send(new ScheduleKeyDeletionCommand({ KeyId: key.id, PendingWindowInDays: 7 }))
    expect(scheduled).toMatchObject({ KeyId: key.arn, KeyState: 'PendingDeletion', PendingWindowInDays: 7 })
    expect((scheduled.DeletionDate?.getTime() ?? 0) - Date.now()).toBeGreaterThan(6.9 * 86_400_000)
    const uses = [
      () => client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: context })),
      () => client.send(new GenerateDataKeyCommand({ KeyId: key.id, KeySpec: 'AES_256' })),
      () => client.send(new EnableKeyCommand({ KeyId: key.id })),
      () => client.send(new ScheduleKeyDeletionCommand({ KeyId: key.id })),
    ]
    for (const use of uses) await expect(use()).rejects.toEqual(refused('KMSInvalidStateException'))
    expect((await client.send(new DescribeKeyCommand({ KeyId: key.id }))).KeyMetadata).toMatchObject({
      Enabled: false,
      KeyState: 'PendingDeletion',
      DeletionDate: scheduled.DeletionDate,
    })
    expect(await client.send(new CancelKeyDeletionCommand({ KeyId: key.id }))).toMatchObject({ KeyId: key.arn })
    await expect(uses[0]?.()).rejects.toEqual(refused('DisabledException'))
    await client.send(new EnableKeyCommand({ KeyId: key.id }))
    await expect(uses[0]?.()).resolves.toBeDefined()
    await expect(client.send(new CancelKeyDeletionCommand({ KeyId: key.id }))).rejects.toEqual(
      refused('KMSInvalidStateException'),
    )
  })

  it.each([6, 31])('does not wait %d days', async (PendingWindowInDays) => {
    await expect(client.send(new ScheduleKeyDeletionCommand({ KeyId: key.id, PendingWindowInDays }))).rejects.toEqual(
      refused('ValidationException'),
    )
  })
})

describe('ListKeys', () => {
  it('gives all keys, a page at a time', async () => {
    const made = new Set([key.arn])
    for (let i = 0; i < 4; i += 1) made.add((await server.createKey()).arn)
    const listed: string[] = []
    let Marker: string | undefined
    do {
      const page = await client.send(new ListKeysCommand({ Limit: 2, Marker }))
      expect(page.Keys?.length).toBeLessThanOrEqual(2)
      listed.push(...(page.Keys ?? []).map(({ KeyArn = '' }) => KeyArn))
      Marker = page.NextMarker
      expect(page.Truncated).toBe(Marker !== undefined)
    } while (Marker !== undefined)
    expect(new Set(listed).size).toBe(listed.length)
    for (const arn of made) expect(listed).toContain(arn)
    await client.send(new ScheduleKeyDeletionCommand({ KeyId: key.id }))
    const { Keys = [], Truncated, NextMarker } = await client.send(new ListKeysCommand({ Limit: 1000 }))
    expect(Keys.map(({ KeyArn }) => KeyArn)).toEqual(listed)
    expect([Truncated, NextMarker]).toEqual([false, undefined])
    await expect(client.send(new ListKeysCommand({ Marker: 'nonsense' }))).rejects.toEqual(refused('InvalidMarkerException'))
    for (const Limit of [0, 1001]) {
      await expect(client.send(new ListKeysCommand({ Limit }))).rejects.toEqual(refused('ValidationException'))
    }
  })
})

describe('a multi-Region key', () => {
  it('is replicated to another Region, where it unwraps what its primary wrapped, and is disabled by itself', async () => {
    const replica = await startLocalKms({ region: 'eu-west-1', accountId: server.accountId, replicaOf: server })
    const west = new KMSClient({ endpoint: replica.url, region: 'eu-west-1', credentials: replica.credentials, maxAttempts: 1 })
    try {
      const { KeyMetadata } = await client.send(new CreateKeyCommand({ MultiRegion: true }))
      const KeyId = KeyMetadata?.KeyId ?? ''
      const replicate = (more: object = {}): Promise<{ ReplicaKeyMetadata?: { Arn?: string | undefined } | undefined }> =>
        client.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'eu-west-1', ...more }))
      const { CiphertextBlob } = await client.send(
        new EncryptCommand({ KeyId, Plaintext: Buffer.alloc(32, 9), EncryptionContext: context }),
      )
      const open = (): Promise<{ Plaintext?: Uint8Array | undefined }> =>
        west.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: context }))
      await expect(open()).rejects.toEqual(refused('AccessDeniedException'))
      expect((await replicate()).ReplicaKeyMetadata?.Arn).toBe(`arn:aws:kms:eu-west-1:${server.accountId}:key/${KeyId}`)
      expect((await open()).Plaintext).toEqual(new Uint8Array(32).fill(9))

      await expect(replicate()).rejects.toEqual(refused('AlreadyExistsException'))
      await expect(replicate({ ReplicaRegion: 'us-west-2' })).rejects.toEqual(refused('ValidationException'))
      await expect(replicate({ ReplicaRegion: server.region })).rejects.toEqual(refused('ValidationException'))
      await expect(replicate({ KeyId: key.id })).rejects.toEqual(refused('UnsupportedOperationException'))
      await expect(
        west.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: server.region })),
        'a replica of a replica',
      ).rejects.toEqual(refused('UnsupportedOperationException'))

      const [primary, other] = [server.region, 'eu-west-1'].map((Region) => ({
        Arn: `arn:aws:kms:${Region}:${server.accountId}:key/${KeyId}`,
        Region,
      }))
      for (const [region, MultiRegionKeyType] of [
        [client, 'PRIMARY'],
        [west, 'REPLICA'],
      ] as const) {
        expect((await region.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.MultiRegionConfiguration).toEqual({
          MultiRegionKeyType,
          PrimaryKey: primary,
          ReplicaKeys: [other],
        })
      }
      await west.send(new CreateAliasCommand({ AliasName: 'alias/of-the-replica', TargetKeyId: KeyId }))
      const describe = (region: KMSClient): Promise<{ KeyMetadata?: { KeyId: string | undefined } | undefined }> =>
        region.send(new DescribeKeyCommand({ KeyId: 'alias/of-the-replica' }))
      expect((await describe(west)).KeyMetadata?.KeyId).toBe(KeyId)
      await expect(describe(client), 'aliases are not shared').rejects.toEqual(refused('NotFoundException'))

      await client.send(new DisableKeyCommand({ KeyId }))
      await expect(open()).resolves.toBeDefined()
      await expect(replicate()).rejects.toEqual(refused('DisabledException'))
      await replica.stop()
      await client.send(new EnableKeyCommand({ KeyId }))
      await expect(replicate()).rejects.toEqual(refused('ValidationException'))
    } finally {
      west.destroy()
      await replica.stop()
    }
  })
})

describe('aliases', () => {
  it('point to a key, once, until they are updated', async () => {
    const second = await server.createKey()
    await client.send(new CreateAliasCommand({ AliasName: 'alias/moves', TargetKeyId: key.id }))
    await expect(client.send(new CreateAliasCommand({ AliasName: 'alias/moves', TargetKeyId: second.id }))).rejects.toEqual(
      refused('AlreadyExistsException'),
    )
    await client.send(new UpdateAliasCommand({ AliasName: 'alias/moves', TargetKeyId: second.arn }))
    expect((await client.send(new DescribeKeyCommand({ KeyId: 'alias/moves' }))).KeyMetadata?.Arn).toBe(second.arn)
    await expect(client.send(new UpdateAliasCommand({ AliasName: 'alias/none', TargetKeyId: second.id }))).rejects.toEqual(
      refused('NotFoundException'),
    )
  })

  it.each([
    ['no-prefix', 'ValidationException'],
    ['alias/', 'ValidationException'],
    [`alias/${'x'.repeat(256)}`, 'ValidationException'],
    ['alias/with space', 'InvalidAliasNameException'],
    ['alias/aws/mine', 'NotAuthorizedException'],
  ])('are refused by the name %s', async (AliasName, exception) => {
    await expect(client.send(new CreateAliasCommand({ AliasName, TargetKeyId: key.id }))).rejects.toEqual(refused(exception))
  })

  it('point to keys only, of this account', async () => {
    await server.createKey('alias/target')
    await expect(client.send(new CreateAliasCommand({ AliasName: 'alias/chain', TargetKeyId: 'alias/target' }))).rejects.toEqual(
      refused('ValidationException'),
    )
    const TargetKeyId = key.arn.replace('111122223333', '999999999999')
    await expect(client.send(new CreateAliasCommand({ AliasName: 'alias/foreign', TargetKeyId }))).rejects.toEqual(
      refused('AccessDeniedException'),
    )
  })
})

it('answers UnknownOperationException for every other call of KMS', async () => {
  await expect(client.send(new GetKeyPolicyCommand({ KeyId: key.id }))).rejects.toEqual(refused('UnknownOperationException'))
  expect(server.calls).toEqual({})
})

it('counts calls by operation and logs contexts, without key material', async () => {
  const CiphertextBlob = await encryptKey()
  await client.send(new DecryptCommand({ CiphertextBlob, KeyId: key.arn, EncryptionContext: context }))
  await client.send(new DecryptCommand({ CiphertextBlob })).catch(() => {})
  await client.send(new DescribeKeyCommand({ KeyId: key.id }))
  expect(server.calls).toEqual({ Encrypt: 1, Decrypt: 2, DescribeKey: 1 })
  expect(server.contexts).toEqual([
    { operation: 'Encrypt', keyId: key.id, context },
    { operation: 'Decrypt', keyId: key.arn, context },
    { operation: 'Decrypt', keyId: undefined, context: {} },
  ])
  server.resetLog()
  expect(server.calls).toEqual({})
  expect(server.contexts).toEqual([])
})
