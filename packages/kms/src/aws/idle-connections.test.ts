import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { KMSClient } from '@aws-sdk/client-kms'
import { createKeyring, createKeys, EnvelopeError, type KeyProvider, type KeyService } from 'prisma-envelope/keys'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { awsKms } from '../aws.ts'

const KeyId = 'arn:aws:kms:us-east-1:111122223333:key/12345678-1234-1234-1234-123456789012'
const key = { Plaintext: Buffer.alloc(32, 7).toString('base64'), CiphertextBlob: Buffer.alloc(184, 1).toString('base64'), KeyId }
const context = { table: 'Patient' }

/** Answers the first request of each connection; what happens to a further one is for the test to say. */
let server: Server
let connections: Set<Socket>
let onReuse: 'reset' | 'answer'
let requests: number

beforeAll(async () => {
  server = createServer((request, response) => {
    requests++
    const { socket } = request
    if (connections.has(socket) && onReuse === 'reset') return void socket.resetAndDestroy()
    connections.add(socket)
    request.resume().on('end', () => response.end(JSON.stringify(key)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
beforeEach(() => {
  connections = new Set()
  onReuse = 'answer'
  requests = 0
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})

const where = () => ({
  region: 'us-east-1',
  endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  credentials: { accessKeyId: 'a', secretAccessKey: 's' },
})
const own = (): KeyProvider => awsKms({ name: 'pii', keyId: KeyId, ...where() })
const injected = (): KeyProvider => awsKms({ name: 'pii', keyId: KeyId, client: new KMSClient({ ...where(), maxAttempts: 1 }) })

function keysOf(current: KeyProvider): KeyService {
  return createKeys({ keyring: createKeyring({ current }), mode: 'direct', kms: { maxConcurrent: 50, breaker: { failures: 1 } } })
}

async function seal(keys: KeyService, rows: number): Promise<number> {
  const sealing = await keys.forSealing({ context }, rows)
  for (const { key } of sealing) key.release()
  return sealing.length
}

describe.each([
  ['a client of awsKms', own],
  ['a client of the application', injected],
])('connections kept open by %s', (_, provider) => {
  it('are used again', async () => {
    const keys = keysOf(provider())
    for (let i = 0; i < 5; i++) await seal(keys, 1)
    expect([requests, connections.size]).toEqual([5, 1])
  })

  it('that are reset all at once fail no call and open no breaker: each is made anew on a fresh connection', async () => {
    const keys = keysOf(provider())
    await Promise.all([seal(keys, 25), seal(keys, 25)])
    expect(connections.size).toBeGreaterThan(20)
    onReuse = 'reset'
    expect(await Promise.all([seal(keys, 25), seal(keys, 25)])).toEqual([25, 25])
    expect(keys.stats.breakers).toMatchObject([{ state: 'closed', opened: 0 }])
    expect(keys.stats.kmsCalls.generateDataKey).toBe(requests)
    expect(keys.stats.retries).toBeGreaterThan(0)
  })
})

it('a connection that is lost time and again is UNAVAILABLE', async () => {
  const dead = createServer((request) => void request.socket.resetAndDestroy())
  await new Promise<void>((resolve) => dead.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(dead.address() as AddressInfo).port}`
  const keys = createKeys({
    keyring: createKeyring({ current: awsKms({ name: 'pii', keyId: KeyId, ...where(), endpoint }) }),
    deadline: 100,
    kms: { breaker: { failures: 1 } },
  })
  const error = await keys.forSealing({ context }, 1).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(EnvelopeError)
  expect(error).toMatchObject({ code: 'UNAVAILABLE', cause: { code: 'ECONNRESET' } })
  expect(keys.stats).toMatchObject({ kmsCalls: { generateDataKey: 2 }, breakers: [{ state: 'open' }] })
  dead.close()
})
