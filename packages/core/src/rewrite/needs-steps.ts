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
  }
}
