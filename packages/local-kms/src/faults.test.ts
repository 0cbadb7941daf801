import { DecryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Fault, type LocalKms, startLocalKms } from './index.ts'

let server: LocalKms
let client: KMSClient
let keyId: string
let dice: number[] = []

beforeAll(async () => {
  server = await startLocalKms({ random: () => dice.shift() ?? 0 })
  keyId = (await server.createKey()).id
  client = new KMSClient({ endpoint: server.url, region: server.region, credentials: server.credentials, maxAttempts: 1 })
})
beforeEach(() => server.resetLog())
afterEach(() => server.faults.clear())
afterAll(async () => {
  client.destroy()
  await server.stop()
})

const generate = (abortSignal?: AbortSignal): Promise<unknown> =>
  client.send(new GenerateDataKeyCommand({ KeyId: keyId, KeySpec: 'AES_256' }), abortSignal ? { abortSignal } : {})

it.each<[string, Fault, object]>([
  ['throttling', { throttle: true }, { name: 'ThrottlingException', $metadata: { httpStatusCode: 400 } }],
  ['an internal error', { status5xx: true }, { name: 'KMSInternalException', $metadata: { httpStatusCode: 500 } }],
  ['a dependency timeout', { status5xx: 503 }, { name: 'DependencyTimeoutException', $metadata: { httpStatusCode: 503 } }],
  ['a proxy that answers HTML', { status5xx: 502 }, { $metadata: { httpStatusCode: 502 } }],
  ['a dropped connection', { drop: true }, { code: 'ECONNRESET' }],
  [
    'any exception',
    { exception: { name: 'KMSInvalidStateException', message: 'pending' } },
    { name: 'KMSInvalidStateException', message: 'pending', $metadata: { httpStatusCode: 400 } },
  ],
])('injects %s once, and counts the call', async (_, fault, thrown) => {
  server.faults.inject({ ...fault, times: 1 })
  await expect(generate()).rejects.toMatchObject(thrown)
  await expect(generate()).resolves.toBeDefined()
  expect(server.calls).toEqual({ GenerateDataKey: 2 })
})

it('leaves a call hanging until the client gives up', async () => {
  server.faults.inject({ hang: true, times: 1 })
  await expect(generate(AbortSignal.timeout(50))).rejects.toMatchObject({ name: 'AbortError' })
  await expect(generate()).resolves.toBeDefined()
})

it('delays an answer, so that a call made later is answered earlier', async () => {
  server.faults.inject({ latencyMs: 300, times: 1 })
  const answered: string[] = []
  const slow = generate().then(() => answered.push('first'))
  while (server.calls.GenerateDataKey !== 1) await new Promise((resolve) => setTimeout(resolve, 1))
  await generate().then(() => answered.push('second'))
  await slow
  expect(answered).toEqual(['second', 'first'])
})

it('hits the named operation only, with the given probability, until removed', async () => {
  server.faults.inject({ operation: 'Decrypt', throttle: true })
  await expect(generate()).resolves.toBeDefined()
  const remove = server.faults.inject({ throttle: true, probability: 0.5 })
  dice = [0.5, 0.49]
  await expect(generate()).resolves.toBeDefined()
  await expect(generate()).rejects.toMatchObject({ name: 'ThrottlingException' })
  remove()
  await expect(generate()).resolves.toBeDefined()
})

it('hits calls about one key only, however they name it', async () => {
  const { id, arn } = await server.createKey('alias/faulty')
  const names = [id, arn, 'alias/faulty', arn.replace(/key\/.*/, 'alias/faulty')]
  const call = (KeyId: string): Promise<unknown> => client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }))
  const { CiphertextBlob } = await client.send(new GenerateDataKeyCommand({ KeyId: id, KeySpec: 'AES_256' }))
  for (const named of names) {
    const remove = server.faults.inject({ keyId: named, exception: { name: 'AccessDeniedException' } })
    for (const name of names) await expect(call(name)).rejects.toMatchObject({ name: 'AccessDeniedException' })
    await expect(client.send(new DecryptCommand({ CiphertextBlob }))).rejects.toMatchObject({ name: 'AccessDeniedException' })
    await expect(call(keyId)).resolves.toBeDefined()
    await expect(call('alias/missing')).rejects.toMatchObject({ name: 'NotFoundException' })
    remove()
    await expect(call(id)).resolves.toBeDefined()
  }
})

it('refuses faults that contradict themselves', () => {
  const wrong: object[] = [
    { throttle: true, hang: true },
    { operation: 'GetKeyPolicy' },
    { status5xx: 404 },
    { keyId: '' },
    { times: 0 },
    { probability: 2 },
    { latencyMs: -1 },
    { typo: true },
  ]
  for (const fault of wrong) expect(() => server.faults.inject(fault), JSON.stringify(fault)).toThrow(TypeError)
})
