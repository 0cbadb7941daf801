import { setTimeout as sleep } from 'node:timers/promises'
import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand, ReplicateKeyCommand } from '@aws-sdk/client-kms'
import { awsKms } from '@prisma-envelope/kms/aws'
import { type LocalKms, startLocalKms } from '@prisma-envelope/local-kms'
import { EnvelopeError, type EnvelopeOptions, failover, type KeyProvider, multiKey } from 'prisma-envelope'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createEncryptedClient } from '../support/encrypted-client.ts'
import { kmsClient } from '../support/kms-client.ts'
import { size } from './size.ts'

/** Milliseconds for which the KMS answers with 5xx. */
const outage = size({ full: 30_000, small: 3_000 })
/** Milliseconds that each answer of the KMS is late. */
const latency = size({ full: 5_000, small: 700 })
/** Rows, each with a key of its own, that are read while half the calls are throttled. */
const throttledRows = size({ full: 1_000, small: 60 })

const { kms: east, keys, client } = await createEncryptedClient('faults')
const west = await startLocalKms({ region: 'eu-west-1', replicaOf: east })
const admin = kmsClient(east)
const { KeyMetadata: { KeyId: keyId = '' } = {} } = await admin.send(new CreateKeyCommand({ MultiRegion: true }))
await admin.send(new ReplicateKeyCommand({ KeyId: keyId, ReplicaRegion: west.region }))

/** The multi-Region key in one of its Regions, by the very client that an application gets from `awsKms`. */
const mrk = ({ url, region, credentials }: LocalKms): KeyProvider =>
  awsKms({ name: 'mrk', keyId, endpoint: url, region, credentials })
const inEast = mrk(east)
const inBoth = failover(inEast, mrk(west))

afterAll(async () => {
  admin.destroy()
  await west.stop()
})
afterEach(() => {
  for (const { faults } of [east, west]) faults.clear()
})

/** An extended client that knows no key yet. Unless it is told otherwise it remembers none, so that each read asks the KMS. */
function cold(options: Partial<EnvelopeOptions> = {}, current = inEast) {
  return client({ keys: { current, others: [keys.current] }, cache: { maxEntries: 0 }, ...options })
}
type Client = ReturnType<typeof cold>

const read = (db: Client, id: string) => db.givenKey.findUniqueOrThrow({ where: { id } })

/** Rows of one process each: none shares its branch key with another. */
const ids = Array.from({ length: 8 }, (_, i) => `row ${i}`)
for (const id of ids) await cold().givenKey.create({ data: { id, secret: id } })
const [first = ''] = ids

beforeEach(() => {
  for (const server of [east, west]) server.resetLog()
})

describe('a KMS that is slow', () => {
  const attemptTimeout = Math.floor(latency / 4)

  test('is TIMEOUT where each answer takes longer than an attempt may', async () => {
    east.faults.inject({ latencyMs: latency })
    await expect(read(cold({ deadline: latency, kms: { attemptTimeout } }), first)).rejects.toMatchObject({ code: 'TIMEOUT' })
    // None that could not have ended in time.
    expect(east.calls.Decrypt).toBeLessThanOrEqual(4)
  })

  test('is waited for where there is time', async () => {
    east.faults.inject({ latencyMs: latency })
    const patient = cold({ deadline: 60_000, kms: { attemptTimeout: 50_000 } })
    expect(await read(patient, first)).toMatchObject({ secret: first })
    expect(east.calls).toEqual({ Decrypt: 1 })
  })

  test('does not hold up what another Region can answer', async () => {
    east.faults.inject({ latencyMs: latency })
    expect(await read(cold({ deadline: 60_000, kms: { attemptTimeout } }, inBoth), first)).toMatchObject({ secret: first })
    expect([east.calls, west.calls]).toEqual([{ Decrypt: 1 }, { Decrypt: 1 }])
  })
})

describe('a socket that hangs', () => {
  test('is given up after an attempt, and another one answers', async () => {
    east.faults.inject({ hang: true, times: 2 })
    expect(await read(cold({ deadline: 60_000, kms: { attemptTimeout: 300 } }), first)).toMatchObject({ secret: first })
    expect(east.calls).toEqual({ Decrypt: 3 })
  })

  test('never ends a write that fails by it half-done', async () => {
    const db = cold({ deadline: 1_000, kms: { attemptTimeout: 300 } })
    east.faults.inject({ hang: true })
    await expect(db.givenKey.create({ data: { id: 'hung', secret: 's' } })).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(await db.givenKey.count({ where: { id: 'hung' } })).toBe(0)
  })
})

test('half the calls throttled: every row is read, and the calls stay within the rate', async () => {
  const callsPerSecond = 100
  const rows = Array.from({ length: throttledRows }, (_, i) => ({ id: `throttled ${i}`, secret: `${i}` }))
  const options = { wrap: 'direct', deadline: 300_000 } as const
  await cold(options).givenKey.createMany({ data: rows })
  east.resetLog()
  east.faults.inject({ throttle: true, probability: 0.5 })

  const db = cold({ ...options, kms: { callsPerSecond } })
  const began = performance.now()
  const excess: number[] = []
  const check = (): void => {
    const allowed = (callsPerSecond * (performance.now() - began)) / 1_000 + callsPerSecond / 10
    excess.push((east.calls.Decrypt ?? 0) - allowed)
  }
  const checks = setInterval(check, 10)
  const found = await db.givenKey.findMany({ where: { id: { startsWith: 'throttled' } } })
  clearInterval(checks)
  check()
  expect(new Set(found.map(({ secret }) => secret)).size).toBe(throttledRows)
  expect(Math.max(...excess)).toBeLessThanOrEqual(1)
  expect(east.calls.Decrypt).toBeGreaterThan(throttledRows * 1.1)
})

describe(`5xx for ${outage / 1_000} s`, () => {
  interface Outcome {
    readonly began: number
    readonly ended: number
    readonly error?: unknown
  }

  /** Reads all the time, a new one every 20 ms whether or not the others are done, until some time after the outage. */
  async function readThrough(db: Client): Promise<{ readonly outcomes: readonly Outcome[]; began: number; ended: number }> {
    for (const id of ids) await read(db, id)
    for (const server of [east, west]) server.resetLog()
    const reading: Promise<Outcome>[] = []
    const one = async (id: string): Promise<Outcome> => {
      const start = performance.now()
      const outcome = await read(db, id).then(
        () => ({}),
        (error: unknown) => ({ error }),
      )
      return { began: start, ended: performance.now(), ...outcome }
    }
    let next = 0
    const timer = setInterval(() => reading.push(one(ids[next++ % ids.length] as string)), 20)
    const began = performance.now()
    const end = east.faults.inject({ status5xx: true })
    await sleep(outage)
    end()
    const ended = performance.now()
    await sleep(2_000)
    clearInterval(timer)
    return { outcomes: await Promise.all(reading), began, ended }
  }

  const tellsOfBreaker = ({ error }: Outcome): boolean =>
    error instanceof EnvelopeError && error.message.includes('circuit breaker')

  test('the breaker opens within 1 s, spares the KMS, and lets reads through within 2 s of the end', async () => {
    const { outcomes, began, ended } = await readThrough(cold({ kms: { breaker: { failures: 5, openFor: 1_000 } } }))
    const opened = Math.min(...outcomes.filter(tellsOfBreaker).map((outcome) => outcome.ended))
    expect(opened - began).toBeLessThan(1_000)
    // After that one call a second tries, here and there one of a round that was under way.
    const failed = outcomes.filter(({ error }) => error !== undefined)
    expect(failed.length).toBeGreaterThan((outage / 20) * 0.5)
    for (const { error } of failed) expect(error).toMatchObject({ code: 'UNAVAILABLE' })
    const answered = outcomes.filter(({ error, ended: at }) => error === undefined && at > ended)
    expect(Math.min(...answered.map((outcome) => outcome.ended)) - ended).toBeLessThan(2_000)
    // Once it is closed, nothing fails any more.
    const recovered = Math.min(...answered.map((outcome) => outcome.ended))
    expect(outcomes.filter((outcome) => outcome.began > recovered && outcome.error !== undefined)).toEqual([])
  })

  test('the KMS is asked a few times before, and once a second after the breaker opened', async () => {
    const db = cold({ kms: { breaker: { failures: 5, openFor: 1_000 } } })
    let during = 0
    const watch = setInterval(() => {
      during = east.calls.Decrypt ?? 0
    }, 5)
    const reading = readThrough(db)
    await sleep(outage)
    clearInterval(watch)
    await reading
    // A round of the eight keys may be under way for each failure that is counted.
    expect(during).toBeLessThanOrEqual(5 * ids.length + outage / 1_000 + 1)
  })

  test('with a second Region nothing fails', async () => {
    const { outcomes } = await readThrough(cold({}, inBoth))
    expect(outcomes.filter(({ error }) => error !== undefined)).toEqual([])
    expect(outcomes.length).toBeGreaterThan(outage / 40)
    expect(west.calls.Decrypt).toBeGreaterThan(0)
  })

  test('with a second Region rows are written, which either Region opens', async () => {
    east.faults.inject({ status5xx: true })
    await cold({}, inBoth).givenKey.create({ data: { id: 'written in the west', secret: 's' } })
    expect(west.calls).toEqual({ GenerateDataKey: 1 })
    east.faults.clear()
    expect(await read(cold(), 'written in the west')).toMatchObject({ secret: 's' })
  })
})

describe('one key that two KMS keys wrap, each in a Region of its own', () => {
  const alone = ({ url, region, credentials }: LocalKms, key: string): KeyProvider =>
    awsKms({ name: region, keyId: key, endpoint: url, region, credentials })
  const both = async () => {
    const [here, there] = await Promise.all([east.createKey(), west.createKey()])
    return multiKey('pii2', alone(east, here.arn), alone(west, there.arn))
  }

  test('opens by the one that is left', async () => {
    const key = await both()
    await cold({}, key).givenKey.create({ data: { id: 'by both', secret: 's' } })
    expect([east.calls, west.calls]).toEqual([{ GenerateDataKey: 1 }, { Encrypt: 1 }])
    for (const [down, up] of [
      [east, west],
      [west, east],
    ] as const) {
      up.resetLog()
      down.faults.inject({ status5xx: true })
      expect(await read(cold({}, key), 'by both')).toMatchObject({ secret: 's' })
      expect(up.calls).toEqual({ Decrypt: 1 })
      down.faults.clear()
    }
  })

  test.each([
    ['first', east, west],
    ['second', west, east],
  ])('writes while the %s is away what the other one opens, with a warning', async (which, down, up) => {
    const key = await both()
    const warnings: unknown[] = []
    const onWarning = ({ code }: Error & { code?: unknown }) => warnings.push(code)
    process.on('warning', onWarning)
    down.faults.inject({ status5xx: true })
    const db = cold({ deadline: 60_000 }, key)
    await db.givenKey.create({ data: { id: `without the ${which}`, secret: 's' } })
    await sleep(0)
    process.off('warning', onWarning)
    expect(warnings).toContain('PRISMA_ENVELOPE_MULTI_KEY')
    down.faults.clear()
    up.resetLog()
    expect(await read(cold({}, key), `without the ${which}`)).toMatchObject({ secret: 's' })
    expect(up.calls).toEqual({ Decrypt: 1 })
  })

  test('does not pass over one that refuses: a new key would lack it unnoticed', async () => {
    const key = await both()
    west.faults.inject({ exception: { name: 'AccessDeniedException' } })
    const db = cold({}, key)
    await expect(db.givenKey.create({ data: { id: 'refused', secret: 's' } })).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect(await db.givenKey.count({ where: { id: 'refused' } })).toBe(0)
  })
})

describe('a refusal', () => {
  test('in the middle is told at once, by one call, in every Region', async () => {
    const db = cold({}, inBoth)
    await read(db, first)
    for (const server of [east, west]) server.resetLog()
    east.faults.inject({ exception: { name: 'AccessDeniedException' } })
    await expect(read(db, first)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect([east.calls, west.calls]).toEqual([{ Decrypt: 1 }, {}])
  })

  test('takes a key that was kept for outages with it', async () => {
    const db = cold({ cache: { maxAge: 1, staleIfError: 600_000 }, deadline: 500 })
    await read(db, first)
    await sleep(5)
    east.faults.inject({ status5xx: true })
    expect(await read(db, first)).toMatchObject({ secret: first })
    east.faults.clear()
    east.resetLog()
    east.faults.inject({ exception: { name: 'AccessDeniedException' } })
    await sleep(5)
    await expect(read(db, first)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect(east.calls).toEqual({ Decrypt: 1 })
    east.faults.clear()
    east.faults.inject({ status5xx: true })
    await expect(read(db, first)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('by a disabled key ends when the key is enabled', async () => {
    const db = cold()
    await read(db, first)
    east.resetLog()
    await admin.send(new DisableKeyCommand({ KeyId: keyId }))
    try {
      await expect(read(db, first)).rejects.toMatchObject({ code: 'KEY_DISABLED' })
      await expect(db.givenKey.create({ data: { id: 'no', secret: 's' } })).rejects.toMatchObject({ code: 'KEY_DISABLED' })
      expect(east.calls).toEqual({ DisableKey: 1, Decrypt: 1, GenerateDataKey: 1 })
    } finally {
      await admin.send(new EnableKeyCommand({ KeyId: keyId }))
    }
    expect(await read(db, first)).toMatchObject({ secret: first })
  })
})

describe('a wall clock that jumps', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  test.each([
    ['a day ahead', 86_400_000],
    ['a day back', -86_400_000],
  ])('%s changes nothing: keys neither expire nor come back, retries go on', async (_, by) => {
    const db = cold({ cache: {}, deadline: 60_000 })
    await read(db, first)
    // Here alone: the KMS goes by `new Date()`.
    const wallClock = Date.now
    vi.spyOn(Date, 'now').mockImplementation(() => wallClock() + by)
    expect(await read(db, first)).toMatchObject({ secret: first })
    expect(east.calls).toEqual({ Decrypt: 1 })
    east.faults.inject({ throttle: true, times: 2 })
    expect(await read(db, ids[1] as string)).toMatchObject({ secret: ids[1] })
    expect(east.calls).toEqual({ Decrypt: 4 })
  })
})
