import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { KMSClient } from '@aws-sdk/client-kms'
import { awsKms } from '@prisma-envelope/kms/aws'
import type { AccessEvent, BreakerEvent, KmsCallEvent } from 'prisma-envelope'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { keyStore } from '../support/client.ts'
import { createEncryptedClient, type EncryptedClient } from '../support/encrypted-client.ts'

const { prisma: writer, client, kms, arn } = await createEncryptedClient('kms_events', { deadline: 60_000 })

/** Tries each call once: what is counted here is what arrives there. */
const sdk = new KMSClient({ endpoint: kms.url, region: kms.region, credentials: { ...kms.credentials }, maxAttempts: 1 })
const keys = { current: awsKms({ name: 'pii', keyId: arn, client: sdk }) }
const cold = (options: Parameters<typeof client>[0] = {}): EncryptedClient => client({ keys, ...options })

const calls: KmsCallEvent[] = []
const breakers: BreakerEvent[] = []
const onCall = (event: unknown): void => void calls.push(event as KmsCallEvent)
const onBreaker = (event: unknown): void => void breakers.push(event as BreakerEvent)
beforeAll(() => {
  subscribe('prisma-envelope:kms', onCall)
  subscribe('prisma-envelope:breaker', onBreaker)
})
beforeEach(() => {
  kms.resetLog()
  calls.length = 0
  breakers.length = 0
})
afterEach(() => kms.faults.clear())
afterAll(() => {
  unsubscribe('prisma-envelope:kms', onCall)
  unsubscribe('prisma-envelope:breaker', onBreaker)
  sdk.destroy()
})

await writer.cuidKey.createMany({ data: [{ secret: 'one' }, { secret: 'two' }] })
const secrets = (db: EncryptedClient): Promise<unknown> => db.cuidKey.findMany({ select: { secret: true } })

test('every call that arrives at the KMS is told, and counted by the client that made it', async () => {
  const reader = cold()
  kms.faults.inject({ throttle: true, times: 2 })
  await secrets(reader)
  await secrets(reader)
  expect(calls).toMatchObject([
    { keyName: 'pii', member: 0, operation: 'unwrap', attempt: 1, code: 'THROTTLED' },
    { keyName: 'pii', member: 0, operation: 'unwrap', attempt: 2, code: 'THROTTLED' },
    { keyName: 'pii', member: 0, operation: 'unwrap', attempt: 3, code: undefined },
  ])
  for (const { duration } of calls) expect(duration).toBeGreaterThan(0)
  const stats = reader.$envelope.stats()
  expect(stats).toMatchObject({
    kmsCalls: { generateDataKey: 0, wrap: 0, unwrap: 3 },
    inFlight: 0,
    retries: 2,
    throttled: 2,
    failovers: 0,
    cacheHits: 1,
    breakers: [{ key: 'pii', member: 0, state: 'closed' }],
  })
  expect([stats, stats.kmsCalls, stats.breakers, stats.breakers[0]].every(Object.isFrozen)).toBe(true)
  await reader.cuidKey.create({ data: { secret: 'three' } })
  expect(stats.kmsCalls.generateDataKey).toBe(0)
  expect(reader.$envelope.stats().kmsCalls.generateDataKey).toBe(1)
})

test('a circuit breaker tells each change of its state', async () => {
  const reader = cold({ deadline: 2000, kms: { attemptTimeout: 1000, breaker: { failures: 1, openFor: 1 } } })
  kms.faults.inject({ status5xx: 500, times: 1 })
  await secrets(reader)
  expect(breakers).toEqual([
    { keyName: 'pii', member: 0, state: 'open', previous: 'closed' },
    { keyName: 'pii', member: 0, state: 'half-open', previous: 'open' },
    { keyName: 'pii', member: 0, state: 'closed', previous: 'half-open' },
  ])
  expect(reader.$envelope.stats().breakers).toMatchObject([{ state: 'closed', opened: 1, halfOpened: 1, closed: 1 }])
})

test('no event holds a key', async () => {
  const handedOut: Buffer[] = []
  const overheard = {
    name: 'pii',
    wrap: keys.current.wrap,
    generateDataKey: async (...call: Parameters<typeof keys.current.generateDataKey>) => {
      const key = await keys.current.generateDataKey(...call)
      handedOut.push(Buffer.from(key.plaintext))
      return key
    },
    unwrap: async (...call: Parameters<typeof keys.current.unwrap>) => {
      const key = await keys.current.unwrap(...call)
      handedOut.push(Buffer.from(key))
      return key
    },
  }
  const other = client({ keys: { current: overheard } })
  await secrets(other)
  await other.cuidKey.create({ data: { secret: 'four' } })
  expect(handedOut.length).toBeGreaterThan(1)
  const text = JSON.stringify([calls, breakers, other.$envelope.stats()])
  for (const bytes of handedOut) {
    for (const encoding of ['hex', 'base64', 'base64url'] as const)
      expect(text).not.toContain(bytes.toString(encoding).slice(0, 16))
    expect(text).not.toContain([...bytes.subarray(0, 8)].join(','))
  }
  expect(Object.keys(calls[0] ?? {}).sort()).toEqual(['attempt', 'code', 'duration', 'keyName', 'member', 'operation'])
})

test('rows under stored keys are told like others: made for them, unwrapped, or in memory', async () => {
  const events: AccessEvent[] = []
  const storing = (): EncryptedClient => cold({ keyStore, onAccess: (event) => void events.push(event) })
  const caches = (): unknown[] => events.splice(0).map(({ action, cache, keyName }) => `${action} ${keyName} ${cache}`)
  const first = storing()
  const { id } = await first.cuid2Key.create({ data: { secret: 'five' } })
  expect(caches()).toEqual(['sealed pii generated', 'opened pii hit'])
  const second = storing()
  const read = { where: { id }, select: { secret: true } }
  await second.cuid2Key.findUnique(read)
  await second.cuid2Key.findUnique(read)
  expect(caches()).toEqual(['opened pii miss', 'opened pii hit'])
  const third = storing()
  await third.cuid2Key.createMany({ data: [{ secret: 'six' }] })
  await third.cuid2Key.createMany({ data: [{ secret: 'seven' }] })
  expect(caches()).toEqual(['sealed pii miss', 'sealed pii hit'])
})

test('a subscriber that fails takes nothing from the operation', async () => {
  const failures = vi.fn<(error: Error) => void>()
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException').on('uncaughtException', failures)
  const failing = (): void => {
    throw new Error('the collector is gone')
  }
  subscribe('prisma-envelope:kms', failing)
  expect(await secrets(cold())).toBeInstanceOf(Array)
  unsubscribe('prisma-envelope:kms', failing)
  await new Promise((resolve) => setImmediate(resolve))
  process.removeAllListeners('uncaughtException')
  for (const listener of others) process.on('uncaughtException', listener)
  expect(calls.length).toBeGreaterThan(0)
  expect(failures).toHaveBeenCalledTimes(calls.length)
})
