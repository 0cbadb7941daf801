import { setTimeout as sleep } from 'node:timers/promises'
import type { KeyService } from 'prisma-envelope/rows'
import type { Connection } from '../database/connection.ts'
import { type BatchResult, runBatch } from './batch.ts'
import type { Pace } from './pace.ts'
import type { Key, Locking } from './page.ts'
import { createRefusals } from './refusals.ts'
import { isPassing, patiently } from './retry.ts'
import type { Finding, Task } from './task.ts'

export interface RunOptions {
  readonly batch: number
  readonly workers: number
  /** Rows at most. */
  readonly limit: number | undefined
  readonly dryRun: boolean
  /** Milliseconds of failures in a row after which to give up. */
  readonly patience: number
  /** Ends the run after the batches that are under way. */
  readonly stop: AbortSignal
}

/** Told of a run's course. */
export interface RunEvents {
  done(rows: number): void
  found(finding: Finding): void
  paused(reason: string): void
  retried(error: unknown): void
}

export interface RunResult {
  readonly written: number
  readonly refused: number
  /** False where rows may be left to do: because of `limit`, of a signal, or as others make new ones all the time. */
  readonly complete: boolean
}

const LOCKED_PAUSE_MS = 200
/** Passes that wait for locked rows; each deals with all rows that were there when it began. */
const FINAL_PASSES = 5

/**
 * Runs a task over a whole table: passes over all rows in the order of their keys, until one finds nothing left to do. Rows that others hold locked are
 * passed over at first, and waited for at last; so several processes share a table without knowing of each other. A task that can't tell what is done
 * has one pass.
 */
export async function runTask(
  sql: Connection,
  keys: KeyService,
  task: Task,
  pace: Pace,
  options: RunOptions,
  events: RunEvents,
): Promise<RunResult> {
  const { stop } = options
  const refusals = createRefusals(events.found)
  let left = options.limit ?? Number.POSITIVE_INFINITY
  let written = 0
  const patience = { patience: options.patience, stop, onRetry: events.retried }

  async function pass(locking: Locking, from?: Key): Promise<number> {
    let after = from
    /** Batches in the order of their keys, from the first that is not committed yet. */
    const begun: { readonly last: Key | undefined; result?: BatchResult }[] = []
    let exhausted = false
    let failed = false
    let count = 0
    let turn: Promise<unknown> = Promise.resolve()

    async function work(): Promise<void> {
      while (!exhausted && !failed && left > 0 && !stop.aborted) {
        try {
          await patiently(patience, () => pace.ready(stop, events.paused))
          if (stop.aborted) return
          const result = await nextBatch()
          pace.spent(result.rows)
          count += result.written
          written += result.written
          if (result.written > 0) events.done(result.written)
          result.findings.forEach(refusals.report)
        } catch (error) {
          failed = true
          // What might have passed, had there been time to wait.
          if (!stop.aborted || !isPassing(error)) throw error
        }
      }
    }

    /** Pages are read one after the other, as each begins where the last one ended; what is made of them runs side by side. */
    async function nextBatch(): Promise<BatchResult> {
      let give: () => void = () => {}
      const before = turn
      turn = new Promise<void>((resolve) => {
        give = resolve
      })
      await before
      try {
        const limit = Math.min(options.batch, left)
        if (exhausted || failed || limit <= 0) return { rows: 0, last: undefined, written: 0, findings: [] }
        let range: { after: Key | undefined; until: Key | undefined } = { after, until: undefined }
        let taken = 0
        let isRead = false
        let mark: (typeof begun)[number] | undefined
        const onPage = (last: Key | undefined, rows: number): void => {
          if (isRead) return
          isRead = true
          if (rows < limit) exhausted = true
          after = last ?? after
          taken = rows
          left -= taken
          // A second attempt is for these very rows: others go on behind them.
          range = { ...range, until: last }
          begun.push((mark = { last }))
          give()
        }
        const result = await patiently(patience, () => runBatch(sql, keys, task, range, { limit, locking, onPage }))
        if (mark !== undefined) mark.result = result
        reachedSoFar()
        // Only what is written counts against `limit`, or refused rows would use it up each time.
        left += taken - result.written
        return result
      } finally {
        give()
      }
    }

    function reachedSoFar(): void {
      for (;;) {
        const [first] = begun
        if (first?.result === undefined) return
        begun.shift()
        const { rows, findings } = first.result
        if (first.last !== undefined) task.once?.reached(first.last, rows, findings.length)
      }
    }

    await allOrFirstError(Array.from({ length: options.workers }, work))
    return count
  }

  /** Whether nothing is left to do. */
  async function passes(): Promise<boolean> {
    if (options.dryRun) {
      try {
        await pass('none', task.once?.after)
        for await (const finding of task.foresight?.end() ?? []) {
          written -= 1
          refusals.report(finding)
        }
        return true
      } finally {
        await task.foresight?.close()
      }
    }
    if (task.once !== undefined) {
      await pass('wait', task.once.after)
      return true
    }
    await pass('skip')
    for (let final = 0; final < FINAL_PASSES; final++) {
      if (stop.aborted || left <= 0) return false
      await sleep(LOCKED_PAUSE_MS, undefined, { signal: stop }).catch(() => {})
      if ((await pass('wait')) === 0) return true
    }
    return false
  }

  const isDone = await passes()
  const refused = (task.once?.refused ?? 0) + refusals.count
  return { written, refused, complete: isDone && !stop.aborted && left > 0 }
}

/** Waits for all, so that nothing runs on behind an error. */
async function allOrFirstError(work: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(work)
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
