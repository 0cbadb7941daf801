import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Queryable, textRows } from '../database/connection.ts'
import { UsageError } from '../usage-error.ts'

const CHECK_EVERY_MS = 500

export interface PaceOptions {
  /** Rows a second at most, all workers together. */
  readonly rate?: number
  /** No batch starts while this file exists. */
  readonly pauseFile?: string
  /** Seconds; no batch starts while the slowest replica is further behind. */
  readonly maxReplicationLag?: number
}

/** Holds batches back. */
export interface Pace {
  /** Resolves when the next batch may start, or when `stop` aborts. */
  ready(stop: AbortSignal, onPause: (reason: string) => void): Promise<void>
  /** Counts what a batch has done, against `rate`. */
  spent(rows: number): void
}

export function createPace(sql: Queryable, { rate, pauseFile, maxReplicationLag }: PaceOptions): Pace {
  let freeAt = performance.now()
  let checkedAt = Number.NEGATIVE_INFINITY
  const wait = (milliseconds: number, signal: AbortSignal): Promise<void> =>
    sleep(milliseconds, undefined, { signal }).then(
      () => {},
      () => {},
    )

  async function obstacle(): Promise<string | undefined> {
    if (pauseFile !== undefined && existsSync(pauseFile)) return `${pauseFile} exists`
    if (maxReplicationLag === undefined || performance.now() - checkedAt < CHECK_EVERY_MS) return undefined
    const lag = await replicationLag(sql)
    if (lag > maxReplicationLag) return `a replica is ${lag.toFixed(1)} s behind`
    checkedAt = performance.now()
    return undefined
  }

  return {
    async ready(stop, onPause) {
      while (!stop.aborted) {
        const reason = await obstacle()
        if (reason === undefined) break
        onPause(reason)
        await wait(CHECK_EVERY_MS, stop)
      }
      const early = freeAt - performance.now()
      if (early > 0 && !stop.aborted) await wait(early, stop)
    },
    spent(rows) {
      if (rate !== undefined) freeAt = Math.max(freeAt, performance.now() - 1000) + (rows / rate) * 1000
    },
  }
}

/**
 * Seconds that the slowest replica is behind in replaying.
 *
 * @throws UsageError where the database does not tell this user.
 */
async function replicationLag(sql: Queryable): Promise<number> {
  const [row] = await textRows(
    sql,
    'SELECT coalesce(max(extract(epoch FROM replay_lag)), 0), count(*) FILTER (WHERE state IS NULL) FROM pg_stat_replication',
  )
  if (Number(row?.[1]) > 0)
    throw new UsageError('--max-replication-lag: the database tells this user nothing of its replicas: GRANT pg_read_all_stats')
  return Number(row?.[0] ?? 0)
}
