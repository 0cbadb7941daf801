import { inspect, stripVTControlCharacters } from 'node:util'
import { expect } from 'vitest'
import type { Transition } from './history.ts'
import { talkative } from './options.ts'
import { type Side, sessionsOf } from './sides.ts'
import type { Storm } from './storm.ts'
import { problemsOf } from './verdict.ts'

/** What was acknowledged is done, what was not is not, and readers have seen nothing else than rows as transactions left them. */
export function expectSound({ acknowledged, seen }: Storm, history: readonly Transition[]): void {
  expect(problemsOf(history, acknowledged).slice(0, 5).map(stripVTControlCharacters)).toEqual([])
  expect(acknowledged.size).toBeGreaterThan(0)
  const left = new Set(history.map(({ id, after }) => `${id} ${JSON.stringify(after)}`))
  expect([...seen.keys()].filter((row) => !left.has(row)).slice(0, 5)).toEqual([])
}

/** No connection is lost: as many transactions as the pool has connections are open at the same time, and none was before. */
export async function expectServes({ client, database }: Side, connections: number): Promise<void> {
  const open = async () => (await sessionsOf(database)).filter((state) => state !== 'idle')
  await expect.poll(open, { timeout: 30_000 }).toEqual([])
  let arrived = 0
  let everybody = (): void => {}
  const all = new Promise<void>((resolve) => {
    everybody = resolve
  })
  const hold = async (): Promise<void> => {
    await client.$transaction(async (tx) => {
      await tx.$queryRawUnsafe('SELECT 1')
      arrived += 1
      if (arrived === connections) everybody()
      await all
    })
  }
  await Promise.all(Array.from({ length: connections }, hold))
  expect(arrived).toBe(connections)
}

/** How often each operation was acknowledged. */
export function acknowledgedOperations({ acknowledged }: Storm): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { names } of acknowledged.values()) for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

export function report(title: string, figures: object): void {
  if (talkative) process.stdout.write(`${title}: ${inspect(figures, { depth: 4 })}\n`)
}
