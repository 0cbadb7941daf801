import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type FakeKms, fakeKms, gate, wrappedKey } from '../../test/fake-kms.ts'
import { EnvelopeError, type EnvelopeErrorCode } from '../errors.ts'
import { rowContext } from './context.ts'
import type { KeyHandle } from './contract.ts'
import { createKeys, type KeyService } from './key-service.ts'
import { createKeyring } from './keyring.ts'
import type { KeysOptions } from './keys-options.ts'

const context = rowContext('Patient')
const ZEROS = new Uint8Array(32)

let kms: FakeKms
let time: number
let wrapped: string
beforeEach(async () => {
  kms = fakeKms()
  time = 0
  wrapped = await wrappedKey(kms, context)
})

/** Keys live for 1,000 ms, and are refreshed at their first use from 750 ms on. */
function createService(options: Partial<KeysOptions> = {}): KeyService {
  return createKeys({
    keyring: createKeyring({ current: kms }),
    now: () => time,
    random: () => 0,
    deadline: 50,
    kms: { breaker: { failures: Infinity } },
    ...options,
    cache: { maxAge: 1000, ...options.cache },
  })
}

async function open(keys: KeyService): Promise<KeyHandle> {
  const [handle] = await keys.forOpening([{ kid: 'pii', wrapped, context }])
  if (handle === undefined || handle instanceof EnvelopeError) throw handle
  return handle
}

async function use(keys: KeyService, at = time): Promise<void> {
  time = at
  const handle = await open(keys)
  handle.release()
  await settled()
}

/** Lets what runs in the background go on as far as it can. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const fail = (code: EnvelopeErrorCode) => () => Promise.reject(new EnvelopeError(code, 'as told'))
const work = () => Promise.resolve()

describe('a key that is used late in its age', () => {
  it('is unwrapped anew by one call, and its age begins again', async () => {
    const keys = createService()
    await use(keys)
    await use(keys, 749)
    expect(kms.calls.unwrap).toBe(1)
    await use(keys, 750)
    await use(keys, 1700)
    expect(kms.calls.unwrap).toBe(3)
    expect(keys.stats).toMatchObject({ kmsCalls: { unwrap: 3 }, cacheHits: 3, refreshes: 2, coalesced: 0 })
  })

  it('serves everybody while it is being refreshed', async () => {
    const keys = createService()
    await use(keys)
    const answer = gate()
    kms.during = () => answer.passed
    time = 900
    const handles = await Promise.all(Array.from({ length: 100 }, () => open(keys)))
    for (const handle of handles) handle.release()
    expect(keys.stats).toMatchObject({ kmsCalls: { unwrap: 2 }, cacheHits: 100, refreshes: 1 })
    answer.open()
    await settled()
    await use(keys, 1640)
    expect(kms.calls.unwrap).toBe(2)
  })

  it('is refreshed at another time in each process: between 75 % and 95 % of its age', async () => {
    for (const [drawn, from] of [
      [0.5, 850],
      [0.999, 950],
    ] as const) {
      const keys = createService({ random: () => drawn })
      time = 0
      await use(keys)
      await use(keys, from - 2)
      expect(keys.stats.refreshes).toBe(0)
      await use(keys, from)
      expect(keys.stats.refreshes).toBe(1)
    }
  })

  it('is not refreshed if nobody uses it, nor with refreshAhead false', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const idle = createService()
      await use(idle)
      time = 1001
      vi.advanceTimersByTime(2000)
      expect(kms.calls.unwrap).toBe(1)
      expect(kms.handedOut).toEqual([ZEROS])
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
    const never = createService({ cache: { refreshAhead: false } })
    await use(never, 0)
    await use(never, 1000)
    expect(never.stats).toMatchObject({ kmsCalls: { unwrap: 1 }, refreshes: 0 })
  })

  it('keeps the row DEKs that it unwrapped, and zeroes the copy of itself', async () => {
    const keys = createService()
    await use(keys)
    const handle = await open(keys)
    handle.rowKeys?.keep('a', new Uint8Array(32).fill(7))
    await use(keys, 800)
    expect(keys.stats).toMatchObject({ refreshes: 1, evictions: 0 })
    expect(kms.handedOut[1]).toEqual(ZEROS)
    expect(kms.handedOut[0]).not.toEqual(ZEROS)
    expect((await open(keys)).rowKeys?.find('a')).toEqual(Buffer.alloc(32, 7))
  })

  it('is replaced, with all that hangs on it, if the KMS gives other bytes', async () => {
    const keys = createService()
    await use(keys)
    const handle = await open(keys)
    handle.rowKeys?.keep('a', new Uint8Array(32).fill(7))
    handle.release()
    kms.unwrap = async () => new Uint8Array(32).fill(9)
    await use(keys, 800)
    expect(kms.handedOut[0]).toEqual(ZEROS)
    const other = await open(keys)
    expect(other.bytes).toEqual(new Uint8Array(32).fill(9))
    expect(other.rowKeys?.find('a')).toBeUndefined()
  })

  it.each(['UNAVAILABLE', 'TIMEOUT', 'THROTTLED'] as const)('lives to its end after %s, with few attempts', async (code) => {
    const keys = createService()
    await use(keys)
    kms.during = fail(code)
    for (let at = 750; at <= 1000; at++) await use(keys, at)
    expect(keys.stats.refreshes).toBe(6)
    time = 1001
    await expect(open(keys)).rejects.toMatchObject({ code })
    kms.during = work
    await use(keys)
    await use(keys)
    expect(keys.stats.refreshes).toBe(6)
  })

  it.each(['ACCESS_DENIED', 'KEY_DISABLED', 'KEY_UNKNOWN', 'CONTEXT_MISMATCH', 'CANNOT_OPEN'] as const)(
    'is gone at once after %s',
    async (code) => {
      const keys = createService({ cache: { staleIfError: 5000 } })
      await use(keys)
      kms.during = fail(code)
      await use(keys, 800)
      expect(kms.handedOut).toEqual([ZEROS])
      await expect(open(keys)).rejects.toMatchObject({ code })
      kms.during = fail('UNAVAILABLE')
      await expect(open(keys)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    },
  )

  it('is refreshed within a deadline of its own, and again if it was missed', async () => {
    const keys = createService({ deadline: 20 })
    await use(keys)
    let aborted = false
    kms.during = (signal) =>
      new Promise((_, reject) => {
        signal?.addEventListener('abort', () => {
          aborted = true
          reject(new EnvelopeError('TIMEOUT', 'aborted'))
        })
      })
    await use(keys, 800)
    await vi.waitFor(() => expect(aborted).toBe(true))
    kms.during = work
    await use(keys, 900)
    expect(keys.stats).toMatchObject({ refreshes: 2, kmsCalls: { unwrap: 3 } })
  })

  it('is waited for by those who come when it has expired meanwhile', async () => {
    const keys = createService({ deadline: 5_000 })
    await use(keys)
    const answer = gate()
    kms.during = () => answer.passed
    await use(keys, 900)
    time = 1001
    const late = Promise.all([open(keys), open(keys)])
    await settled()
    answer.open()
    expect((await late).map(({ bytes }) => bytes.length)).toEqual([32, 32])
    expect(keys.stats).toMatchObject({ kmsCalls: { unwrap: 2 }, coalesced: 2 })
  })

  it('serves no more than maxUses operations, of which a refresh is one', async () => {
    const keys = createService({ cache: { maxUses: 4 } })
    await use(keys)
    await use(keys, 800)
    expect(kms.calls.unwrap).toBe(2)
    for (let uses = 0; uses < 3; uses++) await use(keys, 810)
    expect(kms.handedOut).toEqual([ZEROS, ZEROS])
    await use(keys, 810)
    expect(kms.calls.unwrap).toBe(3)
  })

  it('is one that this process generated, too', async () => {
    const keys = createService({ branch: { maxAge: 100_000 } })
    const [sealing] = await keys.forSealing({ context }, 1)
    if (sealing === undefined) throw new Error('no key')
    wrapped = sealing.wrapped
    await use(keys, 800)
    await use(keys, 1500)
    expect(keys.stats).toMatchObject({ kmsCalls: { generateDataKey: 1, unwrap: 1 }, cacheHits: 2, refreshes: 1 })
  })

  it('costs at most 80 calls in an hour of steady reads, at an age of 60 s', async () => {
    for (const random of [() => 0, Math.random]) {
      kms.calls.unwrap = 0
      const keys = createService({ random, cache: { maxAge: 60_000 } })
      for (let at = 0; at < 3_600_000; at += 500) await use(keys, at)
      // None but the first waited for a call.
      expect(keys.stats.cacheHits).toBe(7199)
      expect(kms.calls.unwrap).toBeLessThanOrEqual(80)
      expect(kms.calls.unwrap).toBeGreaterThanOrEqual(60)
    }
  })
})

describe('a key that has expired while the KMS gives no answer', () => {
  const cache = { staleIfError: 500, refreshAhead: false }

  it.each(['UNAVAILABLE', 'TIMEOUT', 'THROTTLED'] as const)('serves after %s, for as long as staleIfError says', async (code) => {
    const keys = createService({ cache })
    await use(keys)
    kms.during = fail(code)
    await use(keys, 1001)
    await use(keys, 1500)
    expect(keys.stats).toMatchObject({ kmsCalls: { unwrap: 3 }, staleUses: 2, cacheHits: 0 })
    time = 1501
    await expect(open(keys)).rejects.toMatchObject({ code })
    expect(kms.handedOut).toEqual([ZEROS])
  })

  it('serves nobody by default', async () => {
    const keys = createService()
    await use(keys)
    kms.during = fail('UNAVAILABLE')
    time = 1001
    await expect(open(keys)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(keys.stats.staleUses).toBe(0)
  })

  it.each(['ACCESS_DENIED', 'KEY_DISABLED', 'KEY_UNKNOWN', 'CONTEXT_MISMATCH', 'CANNOT_OPEN'] as const)(
    'is dropped and zeroed after %s, and an outage does not bring it back',
    async (code) => {
      const keys = createService({ cache })
      await use(keys)
      kms.during = fail(code)
      time = 1001
      await expect(open(keys)).rejects.toMatchObject({ code })
      expect(kms.handedOut).toEqual([ZEROS])
      kms.during = fail('UNAVAILABLE')
      await expect(open(keys)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    },
  )

  it('serves when the deadline passes without an answer', async () => {
    const keys = createService({ cache, deadline: 10 })
    await use(keys)
    kms.during = () => new Promise(() => {})
    await use(keys, 1001)
    expect(keys.stats.staleUses).toBe(1)
  })

  it('is unwrapped anew at the first answer', async () => {
    const keys = createService({ cache })
    await use(keys)
    kms.during = fail('UNAVAILABLE')
    await use(keys, 1400)
    kms.during = work
    await use(keys, 1450)
    await use(keys, 2450)
    expect(keys.stats).toMatchObject({ kmsCalls: { unwrap: 3 }, staleUses: 1, cacheHits: 1 })
  })

  it('is not handed out by what does not ask the KMS', async () => {
    const keys = createService({ cache })
    await use(keys)
    time = 1001
    expect(keys.cached({ kid: 'pii', wrapped, context })).toBeUndefined()
  })

  it('counts its uses', async () => {
    const keys = createService({ cache: { ...cache, maxUses: 3 } })
    await use(keys)
    kms.during = fail('UNAVAILABLE')
    await use(keys, 1001)
    await use(keys, 1002)
    await expect(open(keys)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(kms.handedOut).toEqual([ZEROS])
  })

  it('is swept out and zeroed though nobody asks again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const keys = createService({ cache })
      await use(keys)
      time = 1501
      vi.advanceTimersByTime(1500)
      expect(kms.handedOut).toEqual([ZEROS])
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  it('is no more than the cache may hold', async () => {
    const keys = createService({ cache: { ...cache, maxEntries: 2 } })
    const many = await Promise.all(Array.from({ length: 5 }, () => wrappedKey(kms, context)))
    for (wrapped of many) await use(keys)
    kms.during = fail('UNAVAILABLE')
    time = 1001
    const outcomes = await keys.forOpening(many.map((each) => ({ kid: 'pii', wrapped: each, context })))
    expect(outcomes.map((outcome) => outcome instanceof EnvelopeError)).toEqual([true, true, true, false, false])
  })
})
