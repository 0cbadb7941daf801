import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type FakeKms, fakeKms, gate, wrappedKey } from '../../test/fake-kms.ts'
import { EnvelopeError } from '../errors.ts'
import { rowContext } from './context.ts'
import type { KeyHandle } from './contract.ts'
import { createKeys, type KeyService } from './key-service.ts'
import { createKeyring } from './keyring.ts'
import type { KeysOptions } from './keys-options.ts'

const context = rowContext('Patient')
const ZEROS = new Uint8Array(32)

let kms: FakeKms
let time: number
beforeEach(() => {
  kms = fakeKms()
  time = 0
})
afterEach(() => {
  vi.useRealTimers()
})

function createService(options: Partial<KeysOptions> = {}): KeyService {
  return createKeys({ keyring: createKeyring({ current: kms }), now: () => time, ...options })
}

async function open(keys: KeyService, wrapped: string): Promise<KeyHandle> {
  const [handle] = await keys.forOpening([{ kid: 'pii', wrapped, context }])
  if (handle === undefined || handle instanceof EnvelopeError) throw handle
  return handle
}

async function use(keys: KeyService, wrapped: string): Promise<void> {
  const handle = await open(keys, wrapped)
  handle.release()
}

describe('the cache of unwrapped keys', () => {
  it('makes one KMS call for 3,000 concurrent openings under one key', async () => {
    const keys = createService()
    const wrapped = await wrappedKey(kms, context)
    const handles = await Promise.all(Array.from({ length: 3000 }, () => open(keys, wrapped)))
    expect(kms.calls.unwrap).toBe(1)
    expect(keys.stats).toMatchObject({ kmsCalls: { unwrap: 1 }, coalesced: 2999 })
    for (const handle of handles) handle.release()
  })

  it('makes fifty for 3,000 under fifty keys', async () => {
    const keys = createService()
    const wrapped = await Promise.all(Array.from({ length: 50 }, () => wrappedKey(kms, context)))
    await Promise.all(Array.from({ length: 3000 }, (_, index) => use(keys, wrapped[index % 50] ?? '')))
    expect(kms.calls.unwrap).toBe(50)
  })

  it('makes one for 3,000 even with maxEntries 0, and keeps nothing', async () => {
    const keys = createService({ cache: { maxEntries: 0 } })
    const wrapped = await wrappedKey(kms, context)
    await Promise.all(Array.from({ length: 3000 }, () => use(keys, wrapped)))
    expect(kms.calls.unwrap).toBe(1)
    expect(kms.handedOut).toEqual([ZEROS])
    await use(keys, wrapped)
    expect(kms.calls.unwrap).toBe(2)
  })

  it('answers later openings without the KMS', async () => {
    const keys = createService()
    const wrapped = await wrappedKey(kms, context)
    await use(keys, wrapped)
    await use(keys, wrapped)
    expect(keys.stats).toMatchObject({ kmsCalls: { unwrap: 1 }, cacheHits: 1, coalesced: 0 })
  })

  it('does not remember a failure', async () => {
    const keys = createService({ deadline: 100, kms: { breaker: { failures: Infinity } } })
    const wrapped = await wrappedKey(kms, context)
    kms.during = () => Promise.reject(new EnvelopeError('UNAVAILABLE', 'Down'))
    await expect(open(keys, wrapped)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    kms.during = () => Promise.resolve()
    expect((await open(keys, wrapped)).bytes).toHaveLength(32)
  })

  it('does not answer for another context, key name or wrapped form', async () => {
    const other = fakeKms('other')
    const keys = createService({ keyring: createKeyring({ current: kms, others: [other] }) })
    const wrapped = await wrappedKey(kms, context)
    await use(keys, wrapped)
    const results = await keys.forOpening([
      { kid: 'pii', wrapped, context: rowContext('Visit') },
      { kid: 'pii', wrapped, context: rowContext('Patient', { tenant: '1' }) },
      { kid: 'other', wrapped, context },
      { kid: 'pii', wrapped: wrapped.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')), context },
    ])
    for (const result of results) expect(result).toMatchObject({ code: 'CANNOT_OPEN' })
  })

  it('lets a key go at its age, by the clock that it is given', async () => {
    const keys = createService({ cache: { maxAge: 1000, refreshAhead: false } })
    const wrapped = await wrappedKey(kms, context)
    await use(keys, wrapped)
    time = 1000
    await use(keys, wrapped)
    expect(kms.calls.unwrap).toBe(1)
    time = 1001
    await use(keys, wrapped)
    expect(kms.calls.unwrap).toBe(2)
    expect(kms.handedOut[0]).toEqual(ZEROS)
    expect(kms.handedOut[1]).not.toEqual(ZEROS)
  })

  it('does not let use prolong the age', async () => {
    const keys = createService({ cache: { maxAge: 1000, refreshAhead: false } })
    const wrapped = await wrappedKey(kms, context)
    for (time = 0; time <= 2001; time += 143) await use(keys, wrapped)
    expect(kms.calls.unwrap).toBe(2)
  })

  it('sweeps out expired keys that nobody asks for again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const keys = createService({ cache: { maxAge: 1000 } })
    await use(keys, await wrappedKey(kms, context))
    expect(kms.handedOut[0]).not.toEqual(ZEROS)
    time = 1001
    vi.advanceTimersByTime(1001)
    expect(kms.handedOut[0]).toEqual(ZEROS)
    expect(keys.stats.evictions).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('lets a key go after its uses', async () => {
    const keys = createService({ cache: { maxUses: 3 } })
    const wrapped = await wrappedKey(kms, context)
    for (let uses = 0; uses < 6; uses++) await use(keys, wrapped)
    expect(kms.calls.unwrap).toBe(2)
    expect(kms.handedOut).toEqual([ZEROS, ZEROS])
  })

  it('counts concurrent openings as uses too', async () => {
    const keys = createService({ cache: { maxUses: 4 } })
    const wrapped = await wrappedKey(kms, context)
    await Promise.all(Array.from({ length: 10 }, () => use(keys, wrapped)))
    await use(keys, wrapped)
    await use(keys, wrapped)
    expect(kms.calls.unwrap).toBe(3)
  })

  it('counts the rows of one operation as one use', async () => {
    const keys = createService({ cache: { maxUses: 1 } })
    const request = { kid: 'pii', wrapped: await wrappedKey(kms, context), context }
    const handles = await keys.forOpening([request, request, request])
    expect(handles.every((handle) => !(handle instanceof EnvelopeError) && handle.bytes.length === 32)).toBe(true)
    expect(kms.calls.unwrap).toBe(1)
  })

  it('zeroes an evicted key only once no operation holds it', async () => {
    const keys = createService({ cache: { maxEntries: 1 } })
    const secret = new Uint8Array(32).fill(7)
    const held = await open(keys, await wrappedKey(kms, context, secret))
    await use(keys, await wrappedKey(kms, context))
    expect(keys.stats.evictions).toBe(1)
    expect(held.bytes).toEqual(secret)
    held.release()
    expect(kms.handedOut[0]).toEqual(ZEROS)
  })

  it('keeps a key that is still cached when operations release it', async () => {
    const keys = createService()
    const wrapped = await wrappedKey(kms, context, new Uint8Array(32).fill(7))
    await use(keys, wrapped)
    expect((await open(keys, wrapped)).bytes).toEqual(new Uint8Array(32).fill(7))
  })

  it('stays within its bound under a scan, and zeroes what it drops', async () => {
    const keys = createService({ cache: { maxEntries: 10 } })
    const wrapped = await Promise.all(Array.from({ length: 200 }, () => wrappedKey(kms, context)))
    const handles = await keys.forOpening(wrapped.map((each) => ({ kid: 'pii', wrapped: each, context })))
    for (const handle of handles) if (!(handle instanceof EnvelopeError)) handle.release()
    expect(kms.handedOut.filter((key) => key.some((byte) => byte !== 0))).toHaveLength(10)
  })

  it('zeroes a key that comes after the deadline', async () => {
    const keys = createService({ deadline: 5 })
    const wrapped = await wrappedKey(kms, context)
    const answer = gate()
    kms.during = () => answer.passed
    await expect(open(keys, wrapped)).rejects.toMatchObject({ code: 'TIMEOUT' })
    answer.open()
    await vi.waitFor(() => expect(kms.handedOut).toEqual([ZEROS]))
    await use(keys, wrapped)
    expect(kms.calls.unwrap).toBe(2)
  })

  it('shows no key bytes to util.inspect and JSON.stringify', async () => {
    const keys = createService()
    const secret = Buffer.from('0123456789abcdef0123456789abcdef')
    const handle = await open(keys, await wrappedKey(kms, context, secret))
    const [sealing] = await keys.forSealing({ context }, 1)
    for (const shown of [{ keys, handle }, sealing]) {
      const text = inspect(shown, { depth: Infinity, showHidden: true }) + JSON.stringify(shown)
      for (const key of kms.handedOut) {
        expect(text).not.toContain(Buffer.from(key).toString('base64'))
        expect(text).not.toContain(Buffer.from(key).toString('hex'))
        expect(text).not.toContain(Array.from(key).slice(0, 4).join(', '))
        expect(text).not.toContain(Array.from(key).slice(0, 4).join(','))
      }
      expect(text).not.toMatch(/30 31 32 33|0123456789abcdef/)
    }
  })

  it.each([
    { maxEntries: -1 },
    { maxEntries: 1.5 },
    { maxAge: 0 },
    { maxAge: Infinity },
    { maxUses: 0 },
    { maxUses: NaN },
    { staleIfError: -1 },
    { staleIfError: 0.5 },
  ])('refuses the limits %j', (cache) => {
    expect(() => createService({ cache })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  })

  it('refuses a refreshAhead that is neither true nor false', () => {
    const cache = { refreshAhead: 'yes' as unknown as boolean }
    expect(() => createService({ cache })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  })
})
