import type { EnvelopeError } from '../errors.ts'

/**
 * Thrown while arguments are being rewritten, before anything is written: rows have to be read, or written, before the rest of the operation can be
 * sealed, so that one query can't do it.
 */
export class NeedsSteps extends Error {
  /** What the caller gets where an operation can't take several queries. */
  readonly refusal: EnvelopeError

  constructor(refusal: EnvelopeError) {
    super(refusal.message)
    this.name = 'NeedsSteps'
    this.refusal = refusal
    refusals.add(refusal)
  }
}

const refusals = new WeakSet<object>()

/** Marks an error that several queries might not have met. */
export function withSteps<T extends Error>(error: T): T {
  refusals.add(error)
  return error
}

/** Whether an operation failed only because it could not take several queries. */
export function needsSteps(error: unknown): boolean {
  return typeof error === 'object' && error !== null && refusals.has(error)
}
