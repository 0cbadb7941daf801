import fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type FakeKms, fakeKms, gate } from '../../test/fake-kms.ts'
import { EnvelopeError } from '../errors.ts'
import { rowContext } from './context.ts'
import type { SealingKey } from './contract.ts'
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

function createService(options: Omit<KeysOptions, 'keyring'> = {}): KeyService {
  return createKeys({ keyring: createKeyring({ current: kms }), now: () => time, ...options })
}

function release(sealing: readonly SealingKey[]): void {
  for (const { key } of sealing) key.release()
}

const rowsOf = (sealing: readonly SealingKey[]): number[] => sealing.map(({ rows }) => rows)

describe('branch keys', () => {
  it('serve many requests by one KMS call', async () => {
    const keys = createService()
    const first = await keys.forSealing({ context }, 3)
    const second = await keys.forSealing({ context }, 4)
    expect(first).toMatchObject([{ mode: 'branch', kid: 'pii', rows: 3 }])
    expect(second[0]?.wrapped).toBe(first[0]?.wrapped)
    expect(second[0]?.key.bytes).toEqual(first[0]?.key.bytes)
    expect(kms.calls.generateDataKey).toBe(1)
  })

  it('are generated once for all who wait', async () => {
    const keys = createService()
    const all = await Promise.all(Array.from({ length: 500 }, () => keys.forSealing({ context }, 1)))
    expect(new Set(all.flat().map(({ wrapped }) => wrapped)).size).toBe(1)
    expect(kms.calls.generateDataKey).toBe(1)
  })

  it('are none for no rows', async () => {
    expect(await createService().forSealing({ context }, 0)).toEqual([])
    expect(kms.calls.generateDataKey).toBe(0)
  })

  it('roll over at maxRows, in the middle of a request', async () => {
    const keys = createService({ branch: { maxRows: 10 } })
    expect(rowsOf(await keys.forSealing({ context }, 7))).toEqual([7])
    const straddling = await keys.forSealing({ context }, 25)
    expect(rowsOf(straddling)).toEqual([3, 10, 10, 2])
    expect(new Set(straddling.map(({ wrapped }) => wrapped)).size).toBe(4)
    expect(rowsOf(await keys.forSealing({ context }, 8))).toEqual([8])
    expect(kms.calls.generateDataKey).toBe(4)
  })

  it('are let go at once when used up, and zeroed when released', async () => {
    const keys = createService({ branch: { maxRows: 2 }, cache: { maxEntries: 0 } })
    const sealing = await keys.forSealing({ context }, 2)
    expect(kms.handedOut[0]).not.toEqual(ZEROS)
    release(sealing)
    expect(kms.handedOut[0]).toEqual(ZEROS)
  })

  it('roll over at maxAge, by the clock that they are given', async () => {
    const keys = createService({ branch: { maxAge: 1000 }, cache: { maxEntries: 0 } })
    release(await keys.forSealing({ context }, 1))
    time = 1000
    release(await keys.forSealing({ context }, 1))
    expect(kms.calls.generateDataKey).toBe(1)
    time = 1001
    release(await keys.forSealing({ context }, 1))
    expect(kms.calls.generateDataKey).toBe(2)
    expect(kms.handedOut[0]).toEqual(ZEROS)
  })

  it('serve those who waited even if generating took longer than maxAge', async () => {
    const keys = createService({ branch: { maxAge: 1, maxRows: 5 } })
    kms.during = async () => {
      time += 10
    }
    expect(rowsOf(await keys.forSealing({ context }, 12))).toEqual([5, 5, 2])
  })

  it('serve one context each', async () => {
    const keys = createService()
    const [ours] = await keys.forSealing({ context: rowContext('Patient', { tenant: '1' }) }, 1)
    const [theirs] = await keys.forSealing({ context: rowContext('Patient', { tenant: '2' }) }, 1)
    const [same] = await keys.forSealing({ context: rowContext('Patient', { tenant: '1' }) }, 1)
    expect(ours?.wrapped).not.toBe(theirs?.wrapped)
    expect(same?.wrapped).toBe(ours?.wrapped)
  })

  it('are bounded in number: the one unused for longest is let go', async () => {
    const keys = createService({ branch: { maxEntries: 2 }, cache: { maxEntries: 0 } })
    for (const tenant of ['1', '2', '3']) release(await keys.forSealing({ context: rowContext('Patient', { tenant }) }, 1))
    expect(kms.handedOut.map((key) => key.every((byte) => byte === 0))).toEqual([true, false, false])
  })

  it('stay intact for whoever holds them after they were let go', async () => {
    const keys = createService({ branch: { maxEntries: 1 }, cache: { maxEntries: 0 } })
    const held = await keys.forSealing({ context }, 1)
    const bytes = held[0]?.key.bytes.slice()
    release(await keys.forSealing({ context: rowContext('Visit') }, 1))
    expect(held[0]?.key.bytes).toEqual(bytes)
    release(held)
    expect(kms.handedOut[0]).toEqual(ZEROS)
  })

  it('open their own rows without a KMS call, with a loan of their own', async () => {
    const keys = createService({ branch: { maxRows: 1 } })
    const [sealing] = await keys.forSealing({ context }, 1)
    if (sealing === undefined) throw new Error('no key')
    const bytes = sealing.key.bytes.slice()
    sealing.key.release()
    const [opened] = await keys.forOpening([{ kid: sealing.kid, wrapped: sealing.wrapped, context }])
    expect(opened).toMatchObject({ bytes })
    expect(kms.calls.unwrap).toBe(0)
  })

  it('are not left behind by a request that fails halfway', async () => {
    const keys = createService({ branch: { maxRows: 5 }, cache: { maxEntries: 0 } })
    kms.during = async () => {
      if (kms.calls.generateDataKey === 3) throw new EnvelopeError('ACCESS_DENIED', 'Not any more')
    }
    await expect(keys.forSealing({ context }, 20)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect(kms.handedOut).toEqual([ZEROS, ZEROS])
    expect(rowsOf(await keys.forSealing({ context }, 1))).toEqual([1])
  })

  it('time out although the KMS ignores the signal, and take no harm when it answers later', async () => {
    const keys = createService({ deadline: 5 })
    const answer = gate()
    kms.during = () => answer.passed
    await expect(keys.forSealing({ context }, 1)).rejects.toMatchObject({ code: 'TIMEOUT' })
    answer.open()
    await vi.waitFor(() => expect(kms.handedOut).toEqual([ZEROS]))
    expect(rowsOf(await keys.forSealing({ context }, 1))).toEqual([1])
    expect(kms.calls.generateDataKey).toBe(2)
  })

  it('never serve more than maxRows rows, whatever asks at the same time', async () => {
    const scenario = fc.record({
      maxRows: fc.integer({ min: 1, max: 30 }),
      requests: fc.array(fc.record({ rows: fc.nat(60), tenant: fc.constantFrom('1', '2'), ticks: fc.nat(4), age: fc.nat(300) }), {
        maxLength: 20,
      }),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ maxRows, requests }) => {
        kms = fakeKms()
        time = 0
        kms.during = async () => {
          for (let tick = 0; tick < 3; tick++) await Promise.resolve()
        }
        const keys = createService({ branch: { maxRows, maxAge: 1000, maxEntries: 1 }, cache: { maxEntries: 3 } })
        const served = new Map<string, number>()
        await Promise.all(
          requests.map(async ({ rows, tenant, ticks, age }) => {
            for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
            time += age
            const sealing = await keys.forSealing({ context: rowContext('Patient', { tenant }) }, rows)
            expect(rowsOf(sealing).reduce((sum, each) => sum + each, 0)).toBe(rows)
            for (const { wrapped, rows: each, key } of sealing) {
              served.set(wrapped, (served.get(wrapped) ?? 0) + each)
              expect(key.bytes.some((byte) => byte !== 0)).toBe(true)
            }
            release(sealing)
          }),
        )
        for (const total of served.values()) expect(total).toBeLessThanOrEqual(maxRows)
      }),
      { numRuns: 100 },
    )
  })

  it.each([{ maxRows: 0 }, { maxRows: 2 ** 32 + 1 }, { maxAge: 0 }, { maxEntries: 0 }])('refuse the limits %j', (branch) => {
    expect(() => createService({ branch })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  })
})
