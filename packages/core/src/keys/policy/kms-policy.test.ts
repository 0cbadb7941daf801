import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type FakeKms, fakeKms, gate, wrappedKey } from '../../../test/fake-kms.ts'
import { EnvelopeError, type EnvelopeErrorCode } from '../../errors.ts'
import { rowContext } from '../context.ts'
import type { KeyHandle } from '../contract.ts'
import { createKeys, type KeyService } from '../key-service.ts'
import { createKeyring } from '../keyring.ts'
import type { KeysOptions } from '../keys-options.ts'
import { failover } from './failover.ts'

const context = rowContext('Patient')
const ZEROS = new Uint8Array(32)

let kms: FakeKms
beforeEach(() => {
  vi.useFakeTimers()
  kms = fakeKms()
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const service = (options: Partial<KeysOptions> = {}): KeyService =>
  createKeys({ keyring: createKeyring({ current: kms }), ...options })

async function open(keys: KeyService, wrapped: string): Promise<KeyHandle> {
  const [handle] = await keys.forOpening([{ kid: 'pii', wrapped, context }])
  if (handle === undefined || handle instanceof EnvelopeError) throw handle
  return handle
}

const failure = (code: EnvelopeErrorCode, cause?: unknown): EnvelopeError =>
  new EnvelopeError(code, `says the KMS: ${code}`, {}, cause)

/** Fails a number of calls. */
function failing(target: FakeKms, times: number, error: EnvelopeError): void {
  let left = times
  target.during = () => (left-- > 0 ? Promise.reject(error) : Promise.resolve())
}

/** Runs all timers until the promise is settled, and tells how it ended and after how many milliseconds. */
async function settle<T>(
  promise: Promise<T>,
): Promise<{ readonly result?: T; readonly error?: unknown; readonly after: number }> {
  const began = performance.now()
  let outcome: { result: T } | { error: unknown } | undefined
  promise.then(
    (result) => (outcome = { result }),
    (error: unknown) => (outcome = { error }),
  )
  for (;;) {
    await vi.advanceTimersByTimeAsync(1)
    if (outcome !== undefined) return { ...outcome, after: performance.now() - began }
  }
}

describe('retries', () => {
  it.each(['THROTTLED', 'UNAVAILABLE', 'TIMEOUT'] as const)('follow %s, until the KMS answers', async (code) => {
    const keys = service()
    const wrapped = await wrappedKey(kms, context)
    failing(kms, 4, failure(code))
    expect(await settle(open(keys, wrapped))).toMatchObject({ result: { bytes: expect.any(Uint8Array) } })
    expect(kms.calls.unwrap).toBe(5)
    expect(keys.stats).toMatchObject({
      kmsCalls: { unwrap: 5 },
      retries: 4,
      inFlight: 0,
      throttled: code === 'THROTTLED' ? 4 : 0,
    })
  })

  it.each(['ACCESS_DENIED', 'KEY_DISABLED', 'KEY_UNKNOWN', 'CONTEXT_MISMATCH', 'CANNOT_OPEN', 'CONFIG'] as const)(
    'never follow %s, which is told at once',
    async (code) => {
      const keys = service()
      failing(kms, 1, failure(code))
      await expect(keys.forSealing({ context }, 1)).rejects.toMatchObject({ code })
      expect(kms.calls.generateDataKey).toBe(1)
    },
  )

  it('wait for a random share of a bound that doubles', async () => {
    const begun: number[] = []
    kms.during = () => {
      begun.push(performance.now())
      return Promise.reject(failure('THROTTLED'))
    }
    vi.spyOn(Math, 'random').mockReturnValue(1)
    await settle(service().forSealing({ context }, 1))
    const waits = begun.slice(1).map((at, i) => Math.round(at - (begun[i] ?? 0)))
    expect(waits.slice(0, 7)).toEqual([50, 100, 200, 400, 800, 1_000, 1_000])
  })

  it('are as many as maxAttempts allows', async () => {
    kms.during = () => Promise.reject(failure('UNAVAILABLE'))
    const { error } = await settle(service({ kms: { maxAttempts: 3 } }).forSealing({ context }, 1))
    expect(error).toMatchObject({ code: 'UNAVAILABLE' })
    expect(kms.calls.generateDataKey).toBe(3)
    await expect(service({ kms: { maxAttempts: 1 } }).forSealing({ context }, 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(kms.calls.generateDataKey).toBe(4)
  })

  it('end before the deadline, with what the KMS said', async () => {
    kms.during = () => Promise.reject(failure('THROTTLED'))
    const { error, after } = await settle(service({ deadline: 700 }).forSealing({ context }, 1))
    expect(error).toMatchObject({ code: 'THROTTLED', message: 'says the KMS: THROTTLED' })
    expect(after).toBeLessThanOrEqual(700)
  })

  it('are not begun where they could not end in time', async () => {
    kms.during = () => new Promise(() => {})
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { error, after } = await settle(service({ deadline: 1_000, kms: { attemptTimeout: 300 } }).forSealing({ context }, 1))
    expect(error).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('kms.attemptTimeout') })
    expect(kms.calls.generateDataKey).toBe(3)
    expect(Math.round(after)).toBeLessThan(910)
  })

  it('go on within a shared call for as long as one of those who wait has time', async () => {
    const keys = service({ deadline: 1_000, kms: { attemptTimeout: 200 } })
    const wrapped = await wrappedKey(kms, context)
    kms.during = () => Promise.reject(failure('THROTTLED'))
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const began = performance.now()
    const first = open(keys, wrapped).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(700)
    const second = open(keys, wrapped)
    await vi.advanceTimersByTimeAsync(310)
    expect(await first).toMatchObject({ code: 'THROTTLED' })
    expect(performance.now() - began).toBeGreaterThan(1_000)
    kms.during = () => Promise.resolve()
    expect(await settle(second)).toMatchObject({ result: { bytes: expect.any(Uint8Array) } })
    expect(keys.stats.coalesced).toBe(1)
  })

  it('end with the last of those who wait', async () => {
    const keys = service({ deadline: 1_000 })
    kms.during = () => Promise.reject(failure('THROTTLED'))
    await settle(keys.forSealing({ context }, 1))
    const calls = kms.calls.generateDataKey
    await vi.advanceTimersByTimeAsync(60_000)
    expect(kms.calls.generateDataKey).toBe(calls)
    expect(keys.stats.inFlight).toBe(0)
  })
})

describe('an attempt', () => {
  it('is aborted after its time, and another one is made', async () => {
    const signals: (AbortSignal | undefined)[] = []
    kms.during = (signal) => {
      signals.push(signal)
      return signals.length === 1 ? new Promise(() => {}) : Promise.resolve()
    }
    const { result } = await settle(service({ kms: { attemptTimeout: 100 } }).forSealing({ context }, 1))
    expect(result).toHaveLength(1)
    expect(signals.map((signal) => signal?.aborted)).toEqual([true, false])
  })

  it('that answers too late leaves no key behind', async () => {
    const answer = gate()
    let attempts = 0
    kms.during = () => (++attempts === 1 ? answer.passed : Promise.resolve())
    const keys = service({ kms: { attemptTimeout: 100 } })
    await settle(keys.forSealing({ context }, 1))
    answer.open()
    await vi.advanceTimersByTimeAsync(0)
    expect(kms.handedOut).toHaveLength(2)
    expect(kms.handedOut[1]).toEqual(ZEROS)
    expect(kms.handedOut[0]).not.toEqual(ZEROS)
  })

  it('that fails with a lost connection is made anew at once, without counting for the breaker', async () => {
    const keys = service({ kms: { maxAttempts: 1, breaker: { failures: 1 } } })
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
    failing(kms, 1, failure('UNAVAILABLE', reset))
    await keys.forSealing({ context }, 1)
    expect(keys.stats).toMatchObject({ kmsCalls: { generateDataKey: 2 }, retries: 1, breakers: [{ state: 'closed', opened: 0 }] })
    failing(kms, 2, failure('UNAVAILABLE', reset))
    await expect(keys.forSealing({ context: rowContext('Visit') }, 1)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      cause: reset,
    })
    expect(keys.stats.breakers).toMatchObject([{ state: 'open', opened: 1 }])
  })
})

describe('the bounds of a client', () => {
  it('hold for all operations together: calls under way', async () => {
    const keys = service({ kms: { maxConcurrent: 3 }, mode: 'direct' })
    kms.during = () => new Promise((resolve) => setTimeout(resolve, 10))
    await settle(Promise.all(Array.from({ length: 5 }, () => keys.forSealing({ context }, 10))))
    expect(kms.peak).toBe(3)
    expect(kms.calls.generateDataKey).toBe(50)
  })

  it('hold for retries too: calls in a second', async () => {
    const keys = service({ kms: { callsPerSecond: 10 }, mode: 'direct', deadline: 20_000 })
    let calls = 0
    kms.during = () => (++calls % 2 === 1 ? Promise.reject(failure('THROTTLED')) : Promise.resolve())
    const { after } = await settle(keys.forSealing({ context }, 20))
    expect(calls).toBeGreaterThan(20)
    expect(calls).toBeLessThanOrEqual(1 + (after / 1_000) * 10)
  })

  it('refuse what would have to wait beyond its deadline', async () => {
    const keys = service({ kms: { callsPerSecond: 1 }, mode: 'direct', deadline: 500 })
    await keys.forSealing({ context }, 1)
    await expect(keys.forSealing({ context }, 1)).rejects.toMatchObject({
      code: 'THROTTLED',
      message: expect.stringContaining('kms.callsPerSecond'),
    })
    expect(kms.calls.generateDataKey).toBe(1)
    expect(keys.stats.throttled).toBe(0)
  })
})

describe('the breaker of a key', () => {
  const breaker = { failures: 2, openFor: 1_000 }
  const direct = { mode: 'direct', deadline: 60, kms: { breaker } } as const

  it('lets calls fail at once, and says so', async () => {
    const keys = service(direct)
    kms.during = () => Promise.reject(failure('UNAVAILABLE'))
    vi.spyOn(Math, 'random').mockReturnValue(0.1)
    await settle(keys.forSealing({ context }, 1))
    expect(keys.stats.breakers).toMatchObject([{ key: 'pii', state: 'open' }])
    const calls = kms.calls.generateDataKey
    await expect(keys.forSealing({ context }, 1)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/circuit breaker of the key "pii"/),
      cause: { code: 'UNAVAILABLE' },
    })
    expect(kms.calls.generateDataKey).toBe(calls)
    kms.during = () => Promise.resolve()
    await vi.advanceTimersByTimeAsync(1_000)
    await keys.forSealing({ context }, 1)
    expect(keys.stats.breakers).toMatchObject([{ state: 'closed', opened: 1, halfOpened: 1, closed: 1 }])
  })

  it.each(['ACCESS_DENIED', 'KEY_DISABLED', 'THROTTLED', 'CANNOT_OPEN'] as const)('is not opened by %s', async (code) => {
    const keys = service(direct)
    kms.during = () => Promise.reject(failure(code))
    for (let i = 0; i < 10; i++) await settle(keys.forSealing({ context }, 1))
    expect(keys.stats.breakers).toMatchObject([{ state: 'closed', opened: 0 }])
  })

  it('does not stop an operation that opened it, if the KMS is back before its deadline', async () => {
    const keys = service({ kms: { breaker } })
    failing(kms, 2, failure('UNAVAILABLE'))
    const { result, after } = await settle(keys.forSealing({ context }, 1))
    expect(result).toHaveLength(1)
    expect(after).toBeGreaterThan(1_000)
    expect(keys.stats.breakers).toMatchObject([{ state: 'closed', opened: 1, halfOpened: 1, closed: 1 }])
  })

  it('lets those who come meanwhile fail at once, whatever the earlier ones wait for', async () => {
    const keys = service({ kms: { breaker } })
    const wrapped = await wrappedKey(kms, context)
    failing(kms, 2, failure('UNAVAILABLE'))
    const early = open(keys, wrapped)
    await vi.advanceTimersByTimeAsync(200)
    await expect(open(keys, wrapped)).rejects.toMatchObject({ message: expect.stringContaining('circuit breaker') })
    expect(await settle(early)).toMatchObject({ result: { bytes: expect.any(Uint8Array) } })
    expect(kms.calls.unwrap).toBe(3)
  })

  it('is another one for each key', async () => {
    const old = fakeKms('old')
    const keys = createKeys({ keyring: createKeyring({ current: kms, others: [old] }), ...direct })
    const wrapped = await wrappedKey(old, context)
    kms.during = () => Promise.reject(failure('UNAVAILABLE'))
    vi.spyOn(Math, 'random').mockReturnValue(0.1)
    await settle(keys.forSealing({ context }, 1))
    const [handle] = await keys.forOpening([{ kid: 'old', wrapped, context }])
    expect(handle).toMatchObject({ bytes: expect.any(Uint8Array) })
    expect(keys.stats.breakers).toMatchObject([
      { key: 'pii', state: 'open' },
      { key: 'old', state: 'closed' },
    ])
  })
})

describe('failover', () => {
  /** One key in two Regions. */
  function regions(): { readonly here: FakeKms; readonly there: FakeKms; keys(options?: Partial<KeysOptions>): KeyService } {
    const here = kms
    const there = here.inAnotherRegion()
    const keyring = createKeyring({ current: failover(here, there) })
    return { here, there, keys: (options = {}) => createKeys({ keyring, ...options }) }
  }

  it.each(['THROTTLED', 'UNAVAILABLE', 'TIMEOUT'] as const)('asks the next one at once after %s', async (code) => {
    const { here, there, keys } = regions()
    const both = keys()
    const wrapped = await wrappedKey(here, context)
    here.during = () => Promise.reject(failure(code))
    const { result, after } = await settle(open(both, wrapped))
    expect(result).toMatchObject({ bytes: expect.any(Uint8Array) })
    expect(after).toBeLessThan(2)
    expect([here.calls.unwrap, there.calls.unwrap]).toEqual([1, 1])
    expect(both.stats).toMatchObject({ failovers: 1, retries: 0 })
  })

  it.each(['ACCESS_DENIED', 'KEY_DISABLED', 'KEY_UNKNOWN', 'CANNOT_OPEN'] as const)('never follows %s', async (code) => {
    const { here, there, keys } = regions()
    here.during = () => Promise.reject(failure(code))
    await expect(keys().forSealing({ context }, 1)).rejects.toMatchObject({ code })
    expect(there.calls.generateDataKey).toBe(0)
  })

  it('leaves the first one alone once its breaker is open, and comes back to it', async () => {
    const { here, there, keys } = regions()
    const both = keys({ mode: 'direct', kms: { breaker: { failures: 3, openFor: 1_000 } } })
    here.during = () => Promise.reject(failure('UNAVAILABLE'))
    for (let i = 0; i < 10; i++) await both.forSealing({ context }, 1)
    expect([here.calls.generateDataKey, there.calls.generateDataKey]).toEqual([3, 10])
    expect(both.stats.breakers).toMatchObject([
      { key: 'pii', member: 0, state: 'open' },
      { key: 'pii', member: 1, state: 'closed' },
    ])
    here.during = () => Promise.resolve()
    await vi.advanceTimersByTimeAsync(1_000)
    await both.forSealing({ context }, 1)
    expect([here.calls.generateDataKey, there.calls.generateDataKey]).toEqual([4, 10])
  })

  it('goes on with retries when all have failed', async () => {
    const { here, there, keys } = regions()
    failing(here, 2, failure('UNAVAILABLE'))
    failing(there, 1, failure('UNAVAILABLE'))
    expect(await settle(keys().forSealing({ context }, 1))).toMatchObject({ result: [{ kid: 'pii' }] })
    expect([here.calls.generateDataKey, there.calls.generateDataKey]).toEqual([2, 2])
  })

  it('is a provider by itself, too', async () => {
    const { here, there } = regions()
    const both = failover(here, there)
    here.during = () => Promise.reject(failure('UNAVAILABLE'))
    const { plaintext, wrapped } = await both.generateDataKey(context)
    expect(await both.unwrap(wrapped, context)).toEqual(plaintext)
    there.during = () => Promise.reject(failure('ACCESS_DENIED'))
    await expect(both.generateDataKey(context)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  })

  it('needs providers of one name', () => {
    expect(() => failover(kms)).toThrow(expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining('two') }))
    expect(() => failover(kms, fakeKms('other'))).toThrow(
      expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining('"other"') }),
    )
    expect(failover(fakeKms('x', { insecure: true }), fakeKms('x')).insecure).toBe(true)
  })
})

describe('options of kms', () => {
  it.each([
    { attemptTimeout: 0 },
    { attemptTimeout: 6_000 },
    { maxAttempts: 0 },
    { maxConcurrent: 0 },
    { callsPerSecond: 0 },
    { callsPerSecond: NaN },
    { breaker: { failures: 0 } },
    { breaker: { openFor: 0 } },
    { breaker: { openFor: 1.5 } },
    { retries: 3 },
    { breaker: { seconds: 1 } },
    { breaker: null },
  ])('are refused where they are wrong: %j', (wrong) => {
    expect(() => service({ kms: wrong as KeysOptions['kms'] & {} })).toThrow(
      expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining('kms') }),
    )
  })
})
