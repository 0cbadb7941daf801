import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { TransactionLocks } from './transaction-locks.ts'

/** Runs work of both kinds and notes when each begins and ends. */
function recorder() {
  const locks = new TransactionLocks()
  const events: string[] = []
  const work = (name: string) => async () => {
    events.push(`${name} begins`)
    await sleep(5)
    events.push(`${name} ends`)
    return name
  }
  return { locks, events, work }
}

test('what is one statement runs side by side, and at once', async () => {
  const { locks, events, work } = recorder()
  const running = [locks.together('t', work('a')), locks.together('t', work('b'))]
  expect(events).toEqual(['a begins', 'b begins'])
  expect(await Promise.all(running)).toEqual(['a', 'b'])
})

test('what is several statements runs alone, whatever was started beside it', async () => {
  const { locks, events, work } = recorder()
  await Promise.all([
    locks.together('t', work('a')),
    locks.alone('t', work('b')),
    locks.alone('t', work('c')),
    locks.together('t', work('d')),
  ])
  for (const name of ['b', 'c']) expect(events[events.indexOf(`${name} begins`) + 1]).toBe(`${name} ends`)
  expect(events).toHaveLength(8)
})

test('other transactions do not wait', async () => {
  const { locks, events, work } = recorder()
  await Promise.all([locks.alone('t', work('a')), locks.alone('u', work('b'))])
  expect(events.slice(0, 2)).toEqual(['a begins', 'b begins'])
})

test('what runs within does not wait for what it is part of', async () => {
  const { locks, work } = recorder()
  expect(await locks.alone('t', () => locks.together('t', () => locks.alone('t', work('inner'))))).toBe('inner')
})

test('an error lets the next one in', async () => {
  const { locks, work } = recorder()
  const failing = locks.alone('t', () => Promise.reject(new Error('failed')))
  const next = locks.alone('t', work('next'))
  await expect(failing).rejects.toThrow('failed')
  expect(await next).toBe('next')
})
