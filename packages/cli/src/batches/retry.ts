import { setTimeout as sleep } from 'node:timers/promises'
import { EnvelopeError } from 'prisma-envelope/rows'
import { isConnectionLost } from '../database/lost-connection.ts'

/** What passes, beside lost connections: serialization failures, deadlocks, lock timeouts, too many connections. */
const SQL_STATES = new Set(['40001', '40P01', '55P03', '53300'])
const KMS_CODES = new Set(['THROTTLED', 'UNAVAILABLE', 'TIMEOUT'])

/** Whether trying again may help. */
export function isPassing(error: unknown): boolean {
  if (error instanceof EnvelopeError) return KMS_CODES.has(error.code)
  const { code } = error as { code?: unknown }
  return isConnectionLost(error) || (typeof code === 'string' && SQL_STATES.has(code))
}

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 10_000

export interface Patience {
  /** Milliseconds of failures in a row after which the error is passed on. */
  readonly patience: number
  readonly stop: AbortSignal
  readonly onRetry: (error: unknown) => void
}

/** Tries `work` again while what it throws may pass, with pauses that grow and have a random part. */
export async function patiently<T>({ patience, stop, onRetry }: Patience, work: () => Promise<T>): Promise<T> {
  const since = performance.now()
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await work()
    } catch (error) {
      if (!isPassing(error) || stop.aborted || performance.now() - since > patience) throw error
      onRetry(error)
      await sleep(pause * (0.5 + Math.random()), undefined, { signal: stop }).catch(() => {})
      if (stop.aborted) throw error
    }
  }
}
