import { setTimeout as sleep } from 'node:timers/promises'
import { EnvelopeError } from 'prisma-envelope/rows'
import { expect, test } from 'vitest'
import { type EachPageOptions, eachPage } from './each-page.ts'
import type { Pace } from './pace.ts'

const unhurried: Pace = { ready: async () => {}, spent: () => {} }
const events = () => {
  const retried: unknown[] = []
  return { retried, events: { paused: () => {}, retried: (error: unknown) => void retried.push(error) } }
}
const options = (given: Partial<EachPageOptions> = {}): EachPageOptions => ({
  workers: 3,
  patience: 60_000,
  stop: new AbortController().signal,
  ...given,
})

function numbers(count: number) {
  let [next, reading] = [0, 0]
  return async () => {
    expect(reading++).toBe(0)
    await sleep(1)
    reading--
    return next < count ? next++ : undefined
  }
}

test('reads pages one after the other and works on them side by side', async () => {
  const done: number[] = []
  let [atOnce, most] = [0, 0]
  const work = async (page: number) => {
    most = Math.max(most, ++atOnce)
    await sleep(page === 0 ? 100 : 5)
    atOnce--
    done.push(page)
    return 1
  }
  expect(await eachPage({ next: numbers(9), work }, unhurried, options(), events().events)).toBe(true)
  expect(done.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  expect(done[0]).not.toBe(0)
  expect(most).toBe(3)
})

test('does a page again where what went wrong may pass, and no other', async () => {
  const { retried, events: told } = events()
  const done: number[] = []
  const throttled = new EnvelopeError('THROTTLED', 'too many calls')
  let failures = 2
  const work = async (page: number) => {
    if (page === 1 && failures-- > 0) throw throttled
    done.push(page)
    return 1
  }
  expect(await eachPage({ next: numbers(3), work }, unhurried, options(), told)).toBe(true)
  expect(done.toSorted((a, b) => a - b)).toEqual([0, 1, 2])
  expect(retried).toEqual([throttled, throttled])
})

test('lets the pages that are under way finish, and no other begin, once one has failed', async () => {
  const [begun, done]: [number[], number[]] = [[], []]
  const work = async (page: number) => {
    begun.push(page)
    if (page === 0) throw new Error('broken')
    await sleep(20)
    done.push(page)
    return 1
  }
  await expect(eachPage({ next: numbers(50), work }, unhurried, options(), events().events)).rejects.toThrow('broken')
  expect(done).toEqual(begun.slice(1))
  expect(begun.length).toBeLessThan(6)
})

test('ends before the next page when it is told to stop, also where the database is away', async () => {
  const stop = new AbortController()
  const done: number[] = []
  const work = async (page: number) => {
    if (page === 2) {
      stop.abort()
      throw new EnvelopeError('UNAVAILABLE', 'no answer')
    }
    done.push(page)
    return 1
  }
  const given = options({ workers: 1, stop: stop.signal })
  expect(await eachPage({ next: numbers(9), work }, unhurried, given, events().events)).toBe(false)
  expect(done).toEqual([0, 1])
})
