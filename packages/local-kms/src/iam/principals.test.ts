import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  KMSClient,
  ListKeysCommand,
  ReEncryptCommand,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEVELOPMENT_CREDENTIALS, type LocalKms, startLocalKms } from '../index.ts'

let server: LocalKms
let root: KMSClient
let one: string
let two: string
const clients: KMSClient[] = []
const north = { table: 'Patient', tenant: 'north' }
const south = { table: 'Patient', tenant: 'south' }

beforeAll(async () => {
  server = await startLocalKms({ accountId: '111122223333' })
  one = (await server.createKey('alias/one')).arn
  two = (await server.createKey('alias/two')).arn
  root = clientOf(server.credentials)
})
afterAll(async () => {
  for (const client of clients) client.destroy()
  await server.stop()
})

function clientOf(credentials: { accessKeyId: string; secretAccessKey: string }): KMSClient {
  const client = new KMSClient({ endpoint: server.url, region: server.region, credentials, maxAttempts: 1 })
  clients.push(client)
  return client
}

let count = 0
function somebody(...statements: object[]): KMSClient {
  const credentials = { accessKeyId: `SOMEBODY${(count += 1)}`, secretAccessKey: `secret ${count}` }
  server.admit({ ...credentials, policy: { Version: '2012-10-17', Statement: statements } })
  return clientOf(credentials)
}

const allow = (Action: string | string[], Resource: string | string[], Condition?: object): object => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition !== undefined && { Condition }),
})
const denied = (action: string, resource: string): object =>
  expect.objectContaining({
    name: 'AccessDeniedException',
    message: expect.stringMatching(
      `^User: arn:aws:iam::111122223333:user/SOMEBODY\\d+ is not authorized to perform: ${action} on resource: ${resource.replaceAll('*', '\\*')} because no identity-based policy allows the ${action} action$`,
    ),
    $metadata: expect.objectContaining({ httpStatusCode: 400 }),
  })
const generate = (KeyId: string, EncryptionContext = north): GenerateDataKeyCommand =>
  new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', EncryptionContext })
const wrapped = async (KeyId = one, EncryptionContext: Record<string, string> = north): Promise<Uint8Array> => {
  const { CiphertextBlob } = await root.send(
    new EncryptCommand({ KeyId, Plaintext: Buffer.from('plaintext'), EncryptionContext }),
  )
  return CiphertextBlob as Uint8Array
}

describe('somebody with a policy', () => {
  it('may do what it allows, on the keys that it names, however the call names them', async () => {
    const reader = somebody(allow('kms:Decrypt', one))
    for (const KeyId of [undefined, one, one.split('/')[1], 'alias/one']) {
      const opened = await reader.send(new DecryptCommand({ CiphertextBlob: await wrapped(), KeyId, EncryptionContext: north }))
      expect(Buffer.from(opened.Plaintext ?? []).toString()).toBe('plaintext')
    }
    for (const KeyId of [undefined, two]) {
      const command = new DecryptCommand({ CiphertextBlob: await wrapped(two), KeyId, EncryptionContext: north })
      await expect(reader.send(command)).rejects.toEqual(denied('kms:Decrypt', two))
    }
    await expect(reader.send(generate(one))).rejects.toEqual(denied('kms:GenerateDataKey', one))
    await expect(reader.send(new DescribeKeyCommand({ KeyId: 'alias/one' }))).rejects.toEqual(denied('kms:DescribeKey', one))
    await expect(reader.send(new ListKeysCommand({}))).rejects.toEqual(denied('kms:ListKeys', '*'))
    await expect(reader.send(new CreateKeyCommand({}))).rejects.toEqual(denied('kms:CreateKey', '*'))
    await expect(reader.send(new ScheduleKeyDeletionCommand({ KeyId: one }))).rejects.toEqual(
      denied('kms:ScheduleKeyDeletion', one),
    )
  })

  it('may do nothing with a ciphertext and its key, where an allowed key is named falsely', async () => {
    const reader = somebody(allow('kms:Decrypt', one))
    const command = new DecryptCommand({ CiphertextBlob: await wrapped(two), KeyId: one, EncryptionContext: north })
    await expect(reader.send(command)).rejects.toMatchObject({ name: 'IncorrectKeyException' })
  })

  it('is bound to encryption contexts, exactly as sent', async () => {
    const writer = somebody(
      allow('kms:GenerateDataKey*', '*', {
        StringEquals: { 'kms:EncryptionContext:tenant': 'north' },
        'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['table', 'tenant'] },
      }),
    )
    await expect(writer.send(generate(one))).resolves.toBeDefined()
    for (const context of [south, { table: 'Patient', Tenant: 'north' }, { ...north, more: '' }, {}]) {
      const command = new GenerateDataKeyWithoutPlaintextCommand({
        KeyId: one,
        KeySpec: 'AES_256',
        EncryptionContext: context as Record<string, string>,
      })
      await expect(writer.send(command)).rejects.toEqual(denied('kms:GenerateDataKeyWithoutPlaintext', one))
    }
  })

  it('is denied a context in which a condition could mean two names', async () => {
    const writer = somebody(allow('kms:GenerateDataKey', '*', { StringEquals: { 'kms:EncryptionContext:tenant': 'north' } }))
    const EncryptionContext = { tenant: 'north', Tenant: 'south' } as unknown as typeof north
    await expect(writer.send(generate(one, EncryptionContext))).rejects.toEqual(denied('kms:GenerateDataKey', one))
  })

  it('is denied explicitly, whatever else is allowed', async () => {
    const most = somebody(allow('kms:*', '*'), { ...allow('kms:Decrypt', one), Effect: 'Deny' })
    await expect(most.send(generate(one))).resolves.toBeDefined()
    await expect(
      most.send(new DecryptCommand({ CiphertextBlob: await wrapped(), EncryptionContext: north })),
    ).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringMatching(/kms:Decrypt on resource: \S+ with an explicit deny in an identity-based policy$/),
    })
  })

  it('needs a permission on either side of ReEncrypt, each with its own context', async () => {
    const reEncrypt = async (client: KMSClient, destination: Record<string, string>, source = two): Promise<unknown> =>
      client.send(
        new ReEncryptCommand({
          CiphertextBlob: await wrapped(source),
          SourceEncryptionContext: north,
          DestinationKeyId: 'alias/one',
          DestinationEncryptionContext: destination,
        }),
      )
    const ofTenant = (tenant: string): object => ({ StringEquals: { 'kms:EncryptionContext:tenant': tenant } })
    const mover = somebody(allow('kms:ReEncryptFrom', two, ofTenant('north')), allow('kms:ReEncryptTo', one, ofTenant('south')))
    await expect(reEncrypt(mover, south)).resolves.toBeDefined()
    await expect(reEncrypt(mover, north)).rejects.toEqual(denied('kms:ReEncryptTo', one))
    await expect(reEncrypt(mover, south, one)).rejects.toEqual(denied('kms:ReEncryptFrom', one))
    await expect(reEncrypt(somebody(allow('kms:ReEncrypt*', '*')), south)).resolves.toBeDefined()
    await expect(reEncrypt(somebody(allow(['kms:Decrypt', 'kms:Encrypt'], '*')), south)).rejects.toEqual(
      denied('kms:ReEncryptFrom', two),
    )
  })

  it('can be bound to the alias of the request, and to those of the key', async () => {
    const byAlias = somebody(allow('kms:GenerateDataKey', '*', { StringEquals: { 'kms:RequestAlias': 'alias/one' } }))
    const aliasArn = one.replace(/key\/.*/, 'alias/one')
    for (const KeyId of ['alias/one', aliasArn]) await expect(byAlias.send(generate(KeyId))).resolves.toBeDefined()
    await expect(byAlias.send(generate(one))).rejects.toEqual(denied('kms:GenerateDataKey', one))
    await expect(byAlias.send(generate('alias/two'))).rejects.toEqual(denied('kms:GenerateDataKey', two))
    const ofAlias = somebody(
      allow('kms:GenerateDataKey', '*', { 'ForAnyValue:StringLike': { 'kms:ResourceAliases': 'alias/o*' } }),
    )
    await expect(ofAlias.send(generate(one))).resolves.toBeDefined()
    await expect(ofAlias.send(generate(two))).rejects.toEqual(denied('kms:GenerateDataKey', two))
  })

  it('needs a permission on the alias, on its key and on the next one to point it elsewhere', async () => {
    const third = (await server.createKey()).arn
    const update = (client: KMSClient): Promise<unknown> =>
      client.send(new UpdateAliasCommand({ AliasName: 'alias/moving', TargetKeyId: third }))
    const aliasArn = one.replace(/key\/.*/, 'alias/moving')
    const create = (client: KMSClient): Promise<unknown> =>
      client.send(new CreateAliasCommand({ AliasName: 'alias/moving', TargetKeyId: one }))
    await expect(create(somebody(allow('kms:CreateAlias', one)))).rejects.toEqual(denied('kms:CreateAlias', aliasArn))
    await expect(create(somebody(allow('kms:CreateAlias', aliasArn)))).rejects.toEqual(denied('kms:CreateAlias', one))
    await expect(create(somebody(allow('kms:CreateAlias', [aliasArn, one])))).resolves.toBeDefined()
    await expect(update(somebody(allow('kms:UpdateAlias', [aliasArn, third])))).rejects.toEqual(denied('kms:UpdateAlias', one))
    await expect(update(somebody(allow('kms:UpdateAlias', [aliasArn, one])))).rejects.toEqual(denied('kms:UpdateAlias', third))
    await expect(update(somebody(allow('kms:UpdateAlias', [aliasArn, one, third])))).resolves.toBeDefined()
  })

  it('needs kms:CreateKey to replicate a key, and kms:TagResource to tag one', async () => {
    const { KeyMetadata } = await root.send(new CreateKeyCommand({ MultiRegion: true }))
    const arn = KeyMetadata?.Arn ?? ''
    const replicate = new ReplicateKeyCommand({ KeyId: arn, ReplicaRegion: 'eu-west-1' })
    await expect(somebody(allow('kms:ReplicateKey', arn)).send(replicate)).rejects.toEqual(denied('kms:CreateKey', '*'))
    const tagged = new CreateKeyCommand({ Tags: [{ TagKey: 'a', TagValue: 'b' }] })
    await expect(somebody(allow('kms:CreateKey', '*')).send(tagged)).rejects.toEqual(denied('kms:TagResource', '*'))
    await expect(somebody(allow(['kms:CreateKey', 'kms:TagResource'], '*')).send(tagged)).resolves.toBeDefined()
  })
})

it('leaves the owner of the server all permissions', async () => {
  await expect(root.send(generate(one))).resolves.toBeDefined()
  await expect(root.send(new ListKeysCommand({}))).resolves.toBeDefined()
})

it('counts a call that is denied, and lets a fault be hit before', async () => {
  const nobody = somebody(allow('kms:ListKeys', '*'))
  server.resetLog()
  server.faults.inject({ throttle: true, times: 1 })
  await expect(nobody.send(generate(one))).rejects.toMatchObject({ name: 'ThrottlingException' })
  await expect(nobody.send(generate(one))).rejects.toEqual(denied('kms:GenerateDataKey', one))
  expect(server.calls).toEqual({ GenerateDataKey: 2 })
})

it.each([
  ['a policy that says what the server does not know', 'OTHER', { Version: '2012-10-17', Statement: [{ Effect: 'Maybe' }] }],
  [
    'an access key id that somebody has',
    DEVELOPMENT_CREDENTIALS.accessKeyId,
    { Version: '2012-10-17', Statement: [allow('kms:*', '*')] },
  ],
])('starts nothing with %s', async (_, accessKeyId, policy) => {
  const principal = { accessKeyId, secretAccessKey: 'x', policy }
  await expect(startLocalKms({ principals: [principal] })).rejects.toThrow(TypeError)
  expect(() => server.admit(principal)).toThrow(TypeError)
})
