import { setTimeout as sleep } from 'node:timers/promises'
import type { KeyService } from 'prisma-envelope/rows'
import type { Connection } from '../database/connection.ts'
import { type BatchResult, runBatch } from './batch.ts'
import type { Pace } from './pace.ts'
import type { Key, Locking } from './page.ts'
import { patiently } from './retry.ts'
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
  /** Whether rows may be left to do: because of `limit`, or of a signal. */
  readonly complete: boolean
}

/** Refusals are told once, though later passes meet the rows again. */
const REMEMBERED_REFUSALS = 100_000
const LOCKED_PAUSE_MS = 200

/**
 * Runs a task over a whole table: passes over all rows in the order of their keys, until one finds nothing left to do. Rows that others hold locked are
 * passed over at first, and waited for at last; so several processes share a table without knowing of each other.
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
  const refusals = new Set<string>()
  let left = options.limit ?? Number.POSITIVE_INFINITY
  let written = 0

  async function pass(locking: Locking): Promise<number> {
    let after: Key | undefined
    let exhausted = false
    let failed = false
    let count = 0
    let turn: Promise<unknown> = Promise.resolve()

    async function work(): Promise<void> {
      while (!exhausted && !failed && left > 0 && !stop.aborted) {
        await pace.ready(stop, events.paused)
        if (stop.aborted) return
        const result = await nextBatch()
        pace.spent(result.rows)
        count += result.written
        written += result.written
        if (result.written > 0) events.done(result.written)
        result.findings.forEach(report)
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
        if (exhausted || limit <= 0) return { rows: 0, last: undefined, written: 0, findings: [] }
        let range: { after: Key | undefined; until: Key | undefined } = { after, until: undefined }
        let isRead = false
        const onPage = (last: Key | undefined, rows: number): void => {
          if (isRead) return
          isRead = true
          if (rows < limit) exhausted = true
          after = last ?? after
          left -= rows
          // A second attempt is for these very rows: others go on behind them.
          range = { ...range, until: last }
          give()
        }
        const patience = { patience: options.patience, stop, onRetry: events.retried }
        return await patiently(patience, () => runBatch(sql, keys, task, range, { limit, locking, onPage }))
      } catch (error) {
        failed = true
        throw error
      } finally {
        give()
      }
    }

    await allOrFirstError(Array.from({ length: options.workers }, work))
    return count
  }

  function report(finding: Finding): void {
    const name = JSON.stringify([finding.primaryKey, finding.field])
    if (refusals.has(name)) return
    if (refusals.size < REMEMBERED_REFUSALS) refusals.add(name)
    events.found(finding)
  }

  if (options.dryRun) {
    await pass('none')
  } else {
    let locking: Locking = 'skip'
    for (;;) {
      const count = await pass(locking)
      if (stop.aborted || left <= 0) break
      if (count === 0 && locking === 'wait') break
      if (count === 0) {
        locking = 'wait'
        await sleep(LOCKED_PAUSE_MS, undefined, { signal: stop }).catch(() => {})
      }
    }
  }
  return { written, refused: refusals.size, complete: !stop.aborted && left > 0 }
}

/** Waits for all, so that nothing runs on behind an error. */
async function allOrFirstError(work: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(work)
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
