import { setTimeout as sleep } from 'node:timers/promises'
import { type Key, type Log, merged } from './ledger.ts'
import type { Population } from './population.ts'
import type { Random } from './random.ts'
import { createRemoteWriter } from './remote-writer.ts'
import type { Place, Stance } from './stance.ts'
import { createWriter } from './writer.ts'

/** What the writers are to be: those in step with the roll-out, the one that comes late, and the one that comes last. */
export interface Formation {
  readonly inStep: Stance
  readonly late: Stance
  readonly last: Stance
}

export interface Report {
  readonly log: Log
  readonly problems: readonly string[]
  /** How often each operation was acknowledged. */
  readonly done: ReadonlyMap<string, number>
  readonly unknown: number
}

/** All writers of a test. */
export interface Fleet {
  /** Gives each writer another client, one after the other, while the others go on. */
  roll(formation: Formation): Promise<void>
  /** Lets all of them write mostly to rows among these. */
  attend(keys: readonly Key[]): Promise<void>
  rest(): Promise<void>
  report(): Promise<Report>
  close(): Promise<void>
}

const PAUSE_MS = 150

/** @param inStep how many writers are in step; the first of them is a process of its own. */
export async function launch(
  place: Place,
  { logs, commons, shared, tenants }: Population,
  inStep: number,
  seed: number,
  random: Random,
): Promise<Fleet> {
  const writers = await Promise.all(
    logs.map((log, number) => {
      const commission = { number, seed, place, log, shared: shared[number] ?? [], tenants }
      return number === 0 ? createRemoteWriter(commission) : Promise.resolve(createWriter(commission))
    }),
  )
  return {
    async roll({ inStep: stance, late, last }) {
      const waiting = writers.map((writer, i) => ({ writer, stance: i < inStep ? stance : i === inStep ? late : last }))
      while (waiting.length > 0) {
        const [next] = waiting.splice(random.below(waiting.length), 1)
        await next?.writer.become(next.stance)
        await sleep(random.below(PAUSE_MS))
      }
    },
    async attend(keys) {
      await Promise.all(writers.map((writer) => writer.attend(keys)))
    },
    async rest() {
      await Promise.all(writers.map((writer) => writer.become('at rest')))
    },
    async report() {
      const accounts = await Promise.all(writers.map((writer) => writer.account()))
      const done = new Map<string, number>()
      for (const account of accounts)
        for (const [operation, count] of account.done) done.set(operation, (done.get(operation) ?? 0) + count)
      return {
        log: merged([commons, ...accounts.map(({ log }) => log)]),
        problems: accounts.flatMap(({ problems }) => problems),
        done,
        unknown: accounts.reduce((sum, account) => sum + account.unknown, 0),
      }
    },
    async close() {
      await Promise.all(writers.map((writer) => writer.close()))
    },
  }
}
