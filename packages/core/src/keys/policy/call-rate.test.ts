import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CallTime } from '../call-time.ts'
import { CallRate } from './call-rate.ts'
import { CallSlots } from './call-slots.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const now = (): number => performance.now()
const waiting = (left: number): CallTime => ({
  signal: new AbortController().signal,
  left: () => left,
  close: () => {},
  failed: () => {},
})
const patient = (): CallTime => waiting(60_000)

describe('the rate of calls', () => {
  it('lets a tenth of a second of calls go at once, and the others in order at their turn', async () => {
    const rate = new CallRate(50, now)
    const served: number[] = []
    for (let i = 0; i < 10; i++) void rate.take(patient()).then(() => served.push(i))
    await vi.advanceTimersByTimeAsync(0)
    expect(served).toEqual([0, 1, 2, 3, 4])
    await vi.advanceTimersByTimeAsync(40)
    expect(served).toEqual([0, 1, 2, 3, 4, 5, 6])
    await vi.advanceTimersByTimeAsync(60)
    expect(served).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('never lets more than rate and burst go, whatever the rate', async () => {
    for (const perSecond of [0.5, 1, 7, 1_000]) {
      const rate = new CallRate(perSecond, now)
      let served = 0
      for (let i = 0; i < 3_000; i++) void rate.take(waiting(Infinity)).then(() => served++)
      await vi.advanceTimersByTimeAsync(2_000)
      const allowed = perSecond * 2 + Math.max(1, perSecond * 0.1)
      expect(served).toBeLessThanOrEqual(allowed)
      expect(served).toBeGreaterThanOrEqual(Math.floor(allowed) - Math.ceil(perSecond / 100))
    }
  })

  it('refuses at once whose turn comes too late', async () => {
    const rate = new CallRate(10, now)
    const outcomes = Array.from({ length: 5 }, () => rate.take(waiting(250)).catch((error: unknown) => error))
    await vi.advanceTimersByTimeAsync(0)
    expect(await outcomes[4]).toMatchObject({ code: 'THROTTLED', message: expect.stringContaining('kms.callsPerSecond (10)') })
    await vi.advanceTimersByTimeAsync(250)
    expect(await Promise.all(outcomes)).toMatchObject([
      undefined,
      undefined,
      undefined,
      { code: 'THROTTLED' },
      { code: 'THROTTLED' },
    ])
  })

  it('gives the turn of those who leave to those who stay', async () => {
    const rate = new CallRate(1, now)
    await rate.take(patient())
    const leaving = new AbortController()
    const left = rate.take({ ...patient(), signal: leaving.signal }).catch((error: unknown) => error)
    let served = false
    void rate.take(patient()).then(() => {
      served = true
    })
    leaving.abort()
    expect(await left).toMatchObject({ code: 'TIMEOUT' })
    await vi.advanceTimersByTimeAsync(1_000)
    expect(served).toBe(true)
  })

  it('is no limit where it is infinite', async () => {
    const rate = new CallRate(Infinity, now)
    for (let i = 0; i < 1_000; i++) await rate.take(waiting(0))
  })
})

describe('the slots of calls', () => {
  it('are given in order, and pass by those who have left', async () => {
    const slots = new CallSlots(1)
    const { signal } = new AbortController()
    const leaving = new AbortController()
    await slots.take(signal)
    const served: string[] = []
    void slots.take(signal).then(() => served.push('second'))
    const left = slots.take(leaving.signal).catch((error: unknown) => error)
    void slots.take(signal).then(() => served.push('fourth'))
    leaving.abort()
    expect(await left).toMatchObject({ code: 'TIMEOUT' })
    slots.giveBack()
    await vi.advanceTimersByTimeAsync(0)
    expect(served).toEqual(['second'])
    slots.giveBack()
    await vi.advanceTimersByTimeAsync(0)
    expect(served).toEqual(['second', 'fourth'])
    slots.giveBack()
    await slots.take(signal)
  })
})
