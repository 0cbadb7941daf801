import { EnvelopeError, type EnvelopeErrorCode } from '../../errors.ts'

/** Milliseconds. */
const BASE = 50
const CAP = 1_000

/** Codes of a KMS that may answer the next time. All others are its answer, or ours. */
const TRANSIENT: ReadonlySet<EnvelopeErrorCode> = new Set(['THROTTLED', 'UNAVAILABLE', 'TIMEOUT'])

export function isTransient(error: unknown): error is EnvelopeError {
  return error instanceof EnvelopeError && TRANSIENT.has(error.code)
}

/**
 * Milliseconds to wait before a retry: anything from 0 to an upper bound that doubles each time. Callers that failed together thereby come back one by one
 * ("Full Jitter" in "Exponential Backoff And Jitter", AWS Architecture Blog).
 *
 * @param retry 0 for the first one.
 */
export function backOff(retry: number, random: () => number = Math.random): number {
  return random() * Math.min(CAP, BASE * 2 ** retry)
}
