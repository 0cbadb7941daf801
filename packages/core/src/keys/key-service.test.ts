import { beforeEach, describe, expect, it } from 'vitest'
import { type FakeKms, fakeKms, wrappedKey } from '../../test/fake-kms.ts'
import { EnvelopeError } from '../errors.ts'
import { rowContext } from './context.ts'
import { createKeys } from './key-service.ts'
import { createKeyring } from './keyring.ts'

const context = rowContext('Patient')
const ZEROS = new Uint8Array(32)

let kms: FakeKms
beforeEach(() => {
  kms = fakeKms()
})

describe('opening', () => {
  it('returns keys in the order of requests, a call for each distinct one', async () => {
    const keys = createKeys({ keyring: createKeyring({ current: kms }) })
    const secrets = [1, 2, 3].map((fill) => new Uint8Array(32).fill(fill))
    const wrapped = await Promise.all(secrets.map((secret) => wrappedKey(kms, context, secret)))
    const order = [2, 0, 0, 1, 2, 1, 0]
    const opened = await keys.forOpening(
      order.map((index) => ({ kid: 'pii', wrapped: wrapped[index] ?? '', context: rowContext('Patient') })),
    )
    expect(opened).toMatchObject(order.map((index) => ({ bytes: secrets[index] })))
    expect(kms.calls.unwrap).toBe(3)
  })

  it('lends each request a handle of its own', async () => {
    const keys = createKeys({ keyring: createKeyring({ current: kms }), cache: { maxEntries: 0 } })
    const request = { kid: 'pii', wrapped: await wrappedKey(kms, context), context }
    const [first, second] = await keys.forOpening([request, { ...request }])
    if (first === undefined || first instanceof EnvelopeError) throw first
    if (second === undefined || second instanceof EnvelopeError) throw second
    first.release()
    expect(second.bytes).not.toEqual(ZEROS)
    second.release()
    expect(kms.handedOut).toEqual([ZEROS])
  })

  it('unwraps side by side, and at most 25 at a time', async () => {
    const keys = createKeys({ keyring: createKeyring({ current: kms }) })
    kms.during = () => new Promise((resolve) => setImmediate(resolve))
    const wrapped = await Promise.all(Array.from({ length: 60 }, () => wrappedKey(kms, context)))
    await keys.forOpening(wrapped.map((each) => ({ kid: 'pii', wrapped: each, context })))
    expect(kms.peak).toBe(25)
    expect(kms.calls.unwrap).toBe(60)
  })

  it('returns a failure in its place and opens the rest', async () => {
    const keys = createKeys({ keyring: createKeyring({ current: kms }) })
    const wrapped = await wrappedKey(kms, context)
    const results = await keys.forOpening([
      { kid: 'older', wrapped, context },
      { kid: 'pii', wrapped, context },
      { kid: 'pii', wrapped: `${wrapped}!`, context },
      { kid: 'pii', wrapped: '', context },
      { kid: 'pii', wrapped: wrapped.slice(0, 32), context },
      { kid: 'pii', wrapped: await wrappedKey(kms, context, new Uint8Array(16)), context },
    ])
    expect(results).toMatchObject([
      { code: 'KEY_UNKNOWN', message: expect.stringMatching(/"older".*keys\.others/) },
      { bytes: expect.any(Uint8Array) },
      { code: 'CANNOT_OPEN' },
      { code: 'CANNOT_OPEN' },
      { code: 'CANNOT_OPEN' },
      { code: 'CANNOT_OPEN' },
    ])
  })

  it('calls an error that the provider did not class UNAVAILABLE, with its cause', async () => {
    const keys = createKeys({ keyring: createKeyring({ current: kms }), deadline: 100 })
    const cause = new TypeError('socket closed')
    kms.during = () => Promise.reject(cause)
    const [result] = await keys.forOpening([{ kid: 'pii', wrapped: await wrappedKey(kms, context), context }])
    expect(result).toMatchObject({ code: 'UNAVAILABLE', cause })
  })

  it('gives up at one deadline for all keys, calls that had not begun included, and aborts the calls', async () => {
    // An attempt that ended before would let another call begin.
    const keys = createKeys({ keyring: createKeyring({ current: kms }), deadline: 5, kms: { attemptTimeout: 5 } })
    const signals: (AbortSignal | undefined)[] = []
    kms.during = (signal) => {
      signals.push(signal)
      return new Promise(() => {})
    }
    const wrapped = await Promise.all(Array.from({ length: 40 }, () => wrappedKey(kms, context)))
    const results = await keys.forOpening(wrapped.map((each) => ({ kid: 'pii', wrapped: each, context })))
    expect(results).toHaveLength(40)
    for (const result of results) expect(result).toMatchObject({ code: 'TIMEOUT' })
    expect(signals).toHaveLength(25)
    expect(signals.every((signal) => signal?.aborted)).toBe(true)
  })

  it('opens nothing for nothing', async () => {
    expect(await createKeys({ keyring: createKeyring({ current: kms }) }).forOpening([])).toEqual([])
  })
})

describe('sealing in direct mode', () => {
  it('asks the KMS for a key for each row, side by side', async () => {
    const keys = createKeys({ keyring: createKeyring({ current: kms }), mode: 'direct' })
    kms.during = () => new Promise((resolve) => setImmediate(resolve))
    const sealing = await keys.forSealing({ context }, 60)
    expect(sealing).toHaveLength(60)
    expect(sealing.every(({ mode, kid, rows }) => mode === 'direct' && kid === 'pii' && rows === 1)).toBe(true)
    expect(new Set(sealing.map(({ wrapped }) => wrapped)).size).toBe(60)
    expect(kms.calls.generateDataKey).toBe(60)
    expect(kms.peak).toBe(25)
  })

  it('seeds the cache for reading the rows back', async () => {
    const keys = createKeys({ keyring: createKeyring({ current: kms }), mode: 'direct' })
    const sealing = await keys.forSealing({ context }, 10)
    const opened = await keys.forOpening(sealing.map(({ kid, wrapped }) => ({ kid, wrapped, context })))
    expect(opened).toMatchObject(sealing.map(({ key }) => ({ bytes: key.bytes })))
    expect(keys.stats).toMatchObject({
      kmsCalls: { generateDataKey: 10, wrap: 0, unwrap: 0 },
      cacheHits: 10,
      coalesced: 0,
      evictions: 0,
    })
  })

  it('ends all calls at the first failure and leaves no key behind', async () => {
    const keys = createKeys({ keyring: createKeyring({ current: kms }), mode: 'direct', cache: { maxEntries: 0 } })
    kms.during = async (signal) => {
      if (kms.calls.generateDataKey <= 5) return
      if (kms.calls.generateDataKey === 26) throw new EnvelopeError('ACCESS_DENIED', 'Not allowed')
      await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))))
    }
    await expect(keys.forSealing({ context }, 100)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect(kms.handedOut).toEqual([ZEROS, ZEROS, ZEROS, ZEROS, ZEROS])
    expect(kms.calls.generateDataKey).toBeLessThan(40)
  })

  it('zeroes a key that comes after the deadline', async () => {
    const keys = createKeys({ keyring: createKeyring({ current: kms }), mode: 'direct', cache: { maxEntries: 0 }, deadline: 5 })
    let late = (): void => {}
    kms.during = () => new Promise((resolve) => (late = resolve))
    await expect(keys.forSealing({ context }, 1)).rejects.toMatchObject({ code: 'TIMEOUT' })
    late()
    await new Promise((resolve) => setImmediate(resolve))
    expect(kms.handedOut).toEqual([ZEROS])
  })
})

describe('wrapping anew', () => {
  const key = new Uint8Array(32).fill(7)

  it('wraps by the current KMS key, under the policy of all calls', async () => {
    const keys = createKeys({ keyring: createKeyring({ current: kms, others: [fakeKms('older')] }) })
    let calls = 0
    kms.during = async () => {
      if (++calls < 3) throw new EnvelopeError('THROTTLED', 'slow down')
    }
    const wrapped = await keys.wrap(key, context)
    const [opened] = await keys.forOpening([{ kid: 'pii', wrapped, context }])
    expect(opened).toMatchObject({ bytes: key })
    expect(keys.stats).toMatchObject({ kmsCalls: { wrap: 3, unwrap: 1 }, retries: 2, throttled: 2 })
  })

  it('ends at the deadline, and aborts the call', async () => {
    const keys = createKeys({ keyring: createKeyring({ current: kms }), deadline: 50, kms: { attemptTimeout: 50 } })
    let given: AbortSignal | undefined
    kms.during = (signal) => {
      given = signal
      return new Promise(() => {})
    }
    await expect(keys.wrap(key, context)).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(given?.aborted).toBe(true)
  })

  it('leaves the unwrapping to a provider that can do without it', async () => {
    const wrapped = await wrappedKey(kms, context, key)
    const able = {
      ...kms,
      rewrap: async (bytes: Uint8Array, own: typeof context) => kms.wrapUncounted(await kms.unwrap(bytes, own), own),
    }
    const again = await createKeys({ keyring: createKeyring({ current: able }) }).rewrap(wrapped, context)
    expect(again).not.toBe(wrapped)
    const keys = createKeys({ keyring: createKeyring({ current: kms }) })
    expect(await keys.forOpening([{ kid: 'pii', wrapped: again, context }])).toMatchObject([{ bytes: key }])
    await expect(keys.rewrap(wrapped, context)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    await expect(keys.rewrap('not base64!', context)).rejects.toMatchObject({ code: 'CANNOT_OPEN' })
  })
})

describe('a provider that breaks its contract', () => {
  it('is named, and its key is zeroed', async () => {
    const short = new Uint8Array(16).fill(7)
    const broken = { ...kms, generateDataKey: async () => ({ plaintext: short, wrapped: new Uint8Array(60) }) }
    const keys = createKeys({ keyring: createKeyring({ current: broken }) })
    await expect(keys.forSealing({ context }, 1)).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringContaining('"pii"'),
    })
    expect(short).toEqual(new Uint8Array(16))
  })
})

describe('options', () => {
  it('are refused where they are wrong', () => {
    const keyring = createKeyring({ current: kms })
    expect(() => createKeys({ keyring, deadline: 0 })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
    expect(() => createKeys({ keyring, ...JSON.parse('{"mode":"none"}') })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
    expect(() => createKeys({ keyring, indexKey: { current: 'nonsense' } })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  })
})
