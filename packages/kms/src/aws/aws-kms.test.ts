import { createServer, type Server } from 'node:http'
import { inspect } from 'node:util'
import {
  CreateKeyCommand,
  DecryptCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { type Fault, startLocalKms } from '@prisma-envelope/local-kms'
import fc from 'fast-check'
import type { KeyProvider } from 'prisma-envelope/keys'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, type TestContext, vi } from 'vitest'
import { type KmsUnderTest, kmsUnderTest } from '../../test/kms-under-test.ts'
import { awsKms } from '../aws.ts'
import { decodeWrappedKey } from './wrapped-key.ts'

let server: KmsUnderTest
let client: KMSClient
let keyId: string
let arn: string
const context = { 'prisma-envelope:table': 'Patient', tenant: '42' }
const secret = Buffer.from('0123456789abcdef0123456789abcdef')

beforeAll(async () => {
  server = await kmsUnderTest()
  client = new KMSClient({ endpoint: server.url, region: server.region, credentials: server.credentials, maxAttempts: 1 })
})
beforeEach(async () => {
  ;({ id: keyId, arn } = await server.createKey())
  await server.resetLog()
})
afterEach(async () => {
  await server.clearFaults()
  vi.unstubAllEnvs()
})
afterAll(async () => {
  client.destroy()
  await server.stop()
})

const provider = (key = keyId): KeyProvider => awsKms({ name: 'pii', keyId: key, client })
/** Skips a test where the server is not one of ours. */
const needsControl = ({ skip }: TestContext): void => skip(server.noControl !== undefined, server.noControl)
const code = (expected: string): object => expect.objectContaining({ name: 'EnvelopeError', code: expected })

describe('a key of awsKms', () => {
  it('is generated with 32 bytes, wrapped into 201, and unwraps under the same context', async () => {
    const { plaintext, wrapped } = await provider().generateDataKey(context)
    expect(plaintext).toHaveLength(32)
    expect(wrapped).toHaveLength(201)
    expect(await provider().unwrap(wrapped, { tenant: '42', 'prisma-envelope:table': 'Patient' })).toEqual(plaintext)
  })

  it('of the caller is wrapped and left as it was', async () => {
    const own = new Uint8Array(secret)
    const wrapped = await provider().wrap(own, context)
    expect(own).toEqual(new Uint8Array(secret))
    expect(await provider().unwrap(wrapped, context)).toEqual(own)
    await expect(provider().wrap(new Uint8Array(0), context)).rejects.toEqual(code('CONFIG'))
    await expect(provider().wrap(new Uint8Array(4097), context)).rejects.toEqual(code('CONFIG'))
  })

  it('costs one call each time, with the context as it is', async (test) => {
    needsControl(test)
    const { wrapped } = await provider().generateDataKey(context)
    await provider().wrap(secret, context)
    await provider().unwrap(wrapped, context)
    expect(await server.calls()).toEqual({ GenerateDataKey: 1, Encrypt: 1, Decrypt: 1 })
    expect((await server.contexts()).map((entry) => entry.context)).toEqual([context, context, context])
  })

  it('does not unwrap under another context', async () => {
    const wrapped = await provider().wrap(secret, context)
    for (const other of [{}, { ...context, tenant: '43' }, { ...context, more: '' }]) {
      await expect(provider().unwrap(wrapped, other)).rejects.toEqual(code('CANNOT_OPEN'))
    }
  })

  it('does not unwrap when any byte is altered or missing', async () => {
    const wrapped = await provider().wrap(secret, context)
    const viaAlias = awsKms({ name: 'pii', keyId: 'alias/any', client })
    await fc.assert(
      fc.asyncProperty(fc.nat(wrapped.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const altered = wrapped.with(at, (wrapped[at] ?? 0) ^ mask)
        // Bytes 0 to 16 name the key: another name is a key that this provider does not have.
        const expected = at > 16 ? /^CANNOT_OPEN$/ : /^(CANNOT_OPEN|KEY_UNKNOWN)$/
        for (const keys of [provider(), viaAlias]) {
          await expect(keys.unwrap(altered, context)).rejects.toMatchObject({ code: expect.stringMatching(expected) })
        }
      }),
      { numRuns: 300 },
    )
    for (let length = 0; length < wrapped.length; length += 1) {
      await expect(provider().unwrap(wrapped.subarray(0, length), context)).rejects.toEqual(code('CANNOT_OPEN'))
    }
    await expect(provider().unwrap(new Uint8Array(17 + 6145).fill(1), context)).rejects.toEqual(code('CANNOT_OPEN'))
  })

  it('can have a multi-Region id', async () => {
    const { KeyMetadata } = await client.send(new CreateKeyCommand({ MultiRegion: true }))
    const multiRegion = provider(KeyMetadata?.Arn)
    const wrapped = await multiRegion.wrap(secret, context)
    expect(wrapped).toHaveLength(201)
    expect(await multiRegion.unwrap(wrapped, context)).toEqual(new Uint8Array(secret))
  })
})

describe('Decrypt', () => {
  it('names the key that wrapped, by bare id or under the prefix of the configured ARN', async (test) => {
    needsControl(test)
    const alias = await server.createAlias('named', keyId)
    const prefix = arn.slice(0, -`key/${keyId}`.length)
    for (const configured of [keyId, arn, alias, prefix + alias]) {
      await server.resetLog()
      const { wrapped } = await provider(configured).generateDataKey(context)
      await provider(configured).unwrap(wrapped, context)
      const [generated, decrypted] = await server.contexts()
      expect(generated?.keyId).toBe(configured)
      expect(decrypted?.keyId).toBe(configured.startsWith('arn:') ? arn : keyId)
    }
  })

  it('opens old rows after their alias was pointed to another key', async () => {
    const old = await server.createKey()
    const alias = await server.createAlias('rotated', old.id)
    const viaAlias = provider(alias)
    const before = await viaAlias.generateDataKey(context)
    await client.send(new UpdateAliasCommand({ AliasName: alias, TargetKeyId: keyId }))
    const after = await viaAlias.generateDataKey(context)
    expect(await viaAlias.unwrap(before.wrapped, context)).toEqual(before.plaintext)
    expect(await viaAlias.unwrap(after.wrapped, context)).toEqual(after.plaintext)
    expect([before, after].map(({ wrapped }) => decodeWrappedKey(wrapped).keyId)).toEqual([old.id, keyId])
  })

  it('is not even called for a key other than the one configured by id or ARN', async (test) => {
    needsControl(test)
    const { id } = await server.createKey()
    const wrapped = await provider(id).wrap(secret, context)
    await server.resetLog()
    await expect(provider(keyId).unwrap(wrapped, context)).rejects.toEqual(code('KEY_UNKNOWN'))
    await expect(provider(arn).unwrap(wrapped, context)).rejects.toEqual(code('KEY_UNKNOWN'))
    expect(await server.calls()).toEqual({})
  })

  it('never leaves the configured account', async () => {
    const alias = await server.createAlias('own', keyId)
    const { wrapped } = await provider(alias).generateDataKey(context)
    const foreignAlias = provider(`arn:aws:kms:${server.region}:999999999999:${alias}`)
    await expect(foreignAlias.unwrap(wrapped, context)).rejects.toEqual(code('ACCESS_DENIED'))
    await expect(foreignAlias.generateDataKey(context)).rejects.toEqual(code('ACCESS_DENIED'))
    const foreignKey = provider(arn.replace(server.accountId, '999999999999'))
    await expect(foreignKey.generateDataKey(context)).rejects.toEqual(code('ACCESS_DENIED'))
  })
})

describe('what AWS KMS refuses', () => {
  it('is KEY_UNKNOWN for a key or alias that is not there', async () => {
    for (const missing of ['12345678-1234-1234-1234-123456789012', 'alias/missing', arn.replace(server.region, 'ap-none-1')]) {
      await expect(provider(missing).generateDataKey(context)).rejects.toEqual(code('KEY_UNKNOWN'))
    }
  })

  it('is KEY_DISABLED until the key is enabled', async () => {
    const wrapped = await provider().wrap(secret, context)
    await client.send(new DisableKeyCommand({ KeyId: keyId }))
    await expect(provider().generateDataKey(context)).rejects.toEqual(code('KEY_DISABLED'))
    await expect(provider().wrap(secret, context)).rejects.toEqual(code('KEY_DISABLED'))
    await expect(provider().unwrap(wrapped, context)).rejects.toEqual(code('KEY_DISABLED'))
    await client.send(new EnableKeyCommand({ KeyId: keyId }))
    await expect(provider().unwrap(wrapped, context)).resolves.toHaveLength(32)
  })

  it('is ACCESS_DENIED for wrong credentials', async () => {
    for (const wrong of [{ accessKeyId: 'NOBODY' }, { secretAccessKey: 'wrong' }, { sessionToken: 'unknown' }]) {
      const credentials = { ...server.credentials, ...wrong }
      const denied = awsKms({ name: 'pii', keyId, region: server.region, endpoint: server.url, credentials })
      await expect(denied.generateDataKey(context)).rejects.toEqual(code('ACCESS_DENIED'))
    }
  })

  it.for<[string, Fault]>([
    ['THROTTLED', { throttle: true }],
    ['THROTTLED', { exception: { name: 'LimitExceededException' } }],
    ['THROTTLED', { exception: { name: 'TooManyRequestsException' } }],
    ['THROTTLED', { exception: { name: 'Whatever', status: 429 } }],
    ['UNAVAILABLE', { status5xx: 500 }],
    ['UNAVAILABLE', { status5xx: 502 }],
    ['UNAVAILABLE', { status5xx: 503 }],
    ['UNAVAILABLE', { exception: { name: 'KeyUnavailableException', status: 500 } }],
    ['UNAVAILABLE', { exception: { name: 'SomethingNewException', status: 500 } }],
    ['UNAVAILABLE', { drop: true }],
    ['KEY_DISABLED', { exception: { name: 'KMSInvalidStateException' } }],
    ['ACCESS_DENIED', { exception: { name: 'AccessDeniedException' } }],
    ['ACCESS_DENIED', { exception: { name: 'ExpiredTokenException' } }],
    ['KEY_UNKNOWN', { exception: { name: 'IncorrectKeyException' } }],
    ['CANNOT_OPEN', { exception: { name: 'InvalidCiphertextException' } }],
    ['CONFIG', { exception: { name: 'ValidationException' } }],
    ['CONFIG', { exception: { name: 'SomethingNewException' } }],
  ])('is %s for %o, in every method, with one call each', async ([expected, fault], test) => {
    needsControl(test)
    const wrapped = await provider().wrap(secret, context)
    await server.resetLog()
    await server.inject(fault)
    await expect(provider().generateDataKey(context)).rejects.toEqual(code(expected))
    await expect(provider().wrap(secret, context)).rejects.toEqual(code(expected))
    await expect(provider().unwrap(wrapped, context)).rejects.toEqual(code(expected))
    expect(await server.calls()).toEqual({ GenerateDataKey: 1, Encrypt: 1, Decrypt: 1 })
  })

  it('leaves a cause that names the AWS error and leads to no request or answer', async (test) => {
    needsControl(test)
    await server.inject({ throttle: true })
    const error: unknown = await provider()
      .wrap(secret, context)
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ cause: { name: 'ThrottlingException', $metadata: { httpStatusCode: 400 } } })
    const everything = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true })
    expect(everything).not.toContain(secret.toString('base64'))
    expect(everything).not.toContain(secret.toString())
    expect(everything).not.toContain('$response')
  })
})

describe('a KMS that does not answer', () => {
  const own = (more: object = {}): KeyProvider =>
    awsKms({
      name: 'pii',
      keyId,
      region: server.region,
      endpoint: server.url,
      credentials: server.credentials,
      maxAttempts: 1,
      ...more,
    })

  it('is TIMEOUT when the caller aborts, which ends the connection', async (test) => {
    needsControl(test)
    await server.inject({ hang: true })
    const controller = new AbortController()
    const call = provider().generateDataKey(context, { signal: controller.signal })
    while ((await server.calls())['GenerateDataKey'] !== 1) await new Promise((resolve) => setTimeout(resolve, 1))
    controller.abort()
    await expect(call).rejects.toEqual(code('TIMEOUT'))
    await expect(provider().unwrap(new Uint8Array(201).fill(1), context, { signal: controller.signal })).rejects.toBeDefined()
    expect(await server.calls()).toEqual({ GenerateDataKey: 1 })
  })

  it('is TIMEOUT without a call when the signal is aborted already', async (test) => {
    needsControl(test)
    const signal = AbortSignal.abort()
    const wrapped = await provider().wrap(secret, context)
    await server.resetLog()
    await expect(provider().generateDataKey(context, { signal })).rejects.toEqual(code('TIMEOUT'))
    await expect(provider().wrap(secret, context, { signal })).rejects.toEqual(code('TIMEOUT'))
    await expect(provider().unwrap(wrapped, context, { signal })).rejects.toEqual(code('TIMEOUT'))
    expect(await server.calls()).toEqual({})
  })

  it('is TIMEOUT when the caller aborts during the back-off of the SDK', async (test) => {
    needsControl(test)
    await server.inject({ throttle: true })
    const controller = new AbortController()
    const call = own({ maxAttempts: 50 }).generateDataKey(context, { signal: controller.signal })
    while ((await server.calls())['GenerateDataKey'] === undefined) await new Promise((resolve) => setTimeout(resolve, 1))
    controller.abort()
    await expect(call).rejects.toEqual(code('TIMEOUT'))
  })

  it('is TIMEOUT after requestTimeout, for each attempt', async (test) => {
    needsControl(test)
    await server.inject({ hang: true })
    await expect(own({ requestTimeout: 50 }).generateDataKey(context)).rejects.toEqual(code('TIMEOUT'))
    expect(await server.calls()).toEqual({ GenerateDataKey: 1 })
    await expect(own({ requestTimeout: 50, maxAttempts: 2 }).generateDataKey(context)).rejects.toEqual(code('TIMEOUT'))
    expect(await server.calls()).toEqual({ GenerateDataKey: 3 })
  })

  it('is tried again by the SDK only where it is told to', async (test) => {
    needsControl(test)
    const options = { name: 'pii', keyId, region: server.region, endpoint: server.url, credentials: server.credentials }
    await server.inject({ status5xx: 500, times: 1 })
    await expect(awsKms(options).generateDataKey(context)).rejects.toEqual(code('UNAVAILABLE'))
    expect(await server.calls()).toEqual({ GenerateDataKey: 1 })
    await server.inject({ status5xx: 500, times: 2 })
    await expect(awsKms({ ...options, maxAttempts: 3 }).generateDataKey(context)).resolves.toBeDefined()
    expect(await server.calls()).toEqual({ GenerateDataKey: 4 })
  })

  it('is UNAVAILABLE when nobody listens', async () => {
    const gone = await startLocalKms()
    await gone.stop()
    const cause = expect.objectContaining({ code: 'ECONNREFUSED' })
    await expect(own({ endpoint: gone.url }).generateDataKey(context)).rejects.toMatchObject({ code: 'UNAVAILABLE', cause })
  })
})

describe('an endpoint that is not AWS KMS', () => {
  let impostor: Server
  let answer: { body: string; end: boolean }
  let impostorKms: KeyProvider

  beforeAll(async () => {
    impostor = createServer((_, response) => {
      response.write(answer.body)
      if (answer.end) response.end()
    })
    await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve))
    const address = impostor.address()
    const port = typeof address === 'object' ? address?.port : 0
    impostorKms = awsKms({
      name: 'pii',
      keyId: 'alias/any',
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${port}`,
      credentials: server.credentials,
      requestTimeout: 1_000,
      maxAttempts: 1,
    })
  })
  afterAll(() => {
    impostor.close()
    impostor.closeAllConnections()
  })

  const Plaintext = secret.toString('base64')
  const KeyId = 'arn:aws:kms:us-east-1:111122223333:key/12345678-1234-1234-1234-123456789012'

  it.each([
    ['no key', {}],
    ['a short key', { Plaintext: 'AAAA', CiphertextBlob: 'AAAA', KeyId }],
    ['no blob', { Plaintext, KeyId }],
    ['no key id', { Plaintext, CiphertextBlob: 'AAAA' }],
  ])('is UNAVAILABLE when it answers GenerateDataKey with %s', async (_, body) => {
    answer = { body: JSON.stringify(body), end: true }
    await expect(impostorKms.generateDataKey(context)).rejects.toEqual(code('UNAVAILABLE'))
  })

  it('is UNAVAILABLE when it decrypts with another key than the one named', async () => {
    const wrapped = await provider().wrap(secret, context)
    answer = { body: JSON.stringify({ Plaintext, KeyId }), end: true }
    await expect(impostorKms.unwrap(wrapped, context)).rejects.toEqual(code('UNAVAILABLE'))
  })

  it('leaks nothing of an answer that is cut short', async () => {
    answer = { body: `{"Plaintext":"${Plaintext}","KeyId"`, end: true }
    const error: unknown = await impostorKms.generateDataKey(context).catch((thrown: unknown) => thrown)
    expect(error).toEqual(code('UNAVAILABLE'))
    expect(inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true })).not.toContain(Plaintext.slice(0, 6))
  })

  it('does not hold a call for ever by an answer that stalls', async () => {
    answer = { body: `{"Plaintext":"${Plaintext}",`, end: false }
    await expect(impostorKms.generateDataKey(context)).rejects.toMatchObject({
      code: expect.stringMatching(/^(UNAVAILABLE|TIMEOUT)$/),
    })
    const signal = AbortSignal.timeout(20)
    await expect(impostorKms.generateDataKey(context, { signal })).rejects.toEqual(code('TIMEOUT'))
  })
})

describe('configuration', () => {
  it('comes from the sources of the SDK', async () => {
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value)
    const { plaintext, wrapped } = await awsKms({ name: 'pii', keyId: arn }).generateDataKey(context)
    expect(await provider().unwrap(wrapped, context)).toEqual(plaintext)
  })

  it('without a Region is CONFIG, without credentials ACCESS_DENIED', async () => {
    for (const name of ['AWS_REGION', 'AWS_PROFILE', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, undefined)
    vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent')
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent')
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    const { credentials } = server
    const nowhere = awsKms({ name: 'pii', keyId, endpoint: server.url, credentials })
    await expect(nowhere.generateDataKey(context)).rejects.toEqual(code('CONFIG'))
    const nobody = awsKms({ name: 'pii', keyId, endpoint: server.url, region: server.region, maxAttempts: 1 })
    await expect(nobody.generateDataKey(context)).rejects.toEqual(code('ACCESS_DENIED'))
  })

  it.each([
    ['an empty name', { name: '' }],
    ['a long name', { name: 'x'.repeat(33) }],
    ['a name with a space', { name: 'a b' }],
    ['an empty keyId', { keyId: '' }],
    ['an ARN of another service', { keyId: 'arn:aws:s3:us-east-1:111122223333:key/x' }],
    ['a timeout of 0', { requestTimeout: 0 }],
    ['no attempts', { maxAttempts: 0 }],
  ])('with %s is refused at once', (_, wrong) => {
    expect(() => awsKms({ name: 'pii', keyId, ...wrong })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  })

  it('of a client that is given stays with that client', () => {
    const both = { name: 'pii', keyId, client, requestTimeout: 100 }
    // @ts-expect-error a client brings its own timeouts
    expect(() => awsKms(both)).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  })
})

it('shows no key when a provider is inspected or serialized', async () => {
  const shown = provider()
  await shown.generateDataKey(context)
  expect(JSON.stringify(shown)).toBe('{"name":"pii"}')
  const text = inspect(shown, { depth: Number.POSITIVE_INFINITY, showHidden: true })
  expect(text).not.toContain(server.credentials.secretAccessKey)
})

it('wraps what a plain client of AWS can open by the same key', async () => {
  const wrapped = await provider().wrap(secret, context)
  const opened = await client.send(
    new DecryptCommand({ KeyId: keyId, CiphertextBlob: wrapped.subarray(17), EncryptionContext: context }),
  )
  expect(opened.Plaintext).toEqual(new Uint8Array(secret))
})
