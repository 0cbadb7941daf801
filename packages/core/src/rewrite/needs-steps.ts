import { EnvelopeError } from '../errors.ts'
import type { Model } from './model.ts'
import type { Rewriting } from './rewriting.ts'

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

/**
 * Rewrites data that may not be written: what PostgreSQL would refuse in it is an error only where it is.
 *
 * @throws NeedsSteps in place of such an error: which way an operation takes is known only once it has looked.
 */
export function onlyIfTaken<T>(model: Model, rewriting: Rewriting, rewrite: () => T): T {
  try {
    return rewrite()
  } catch (error) {
    if (error instanceof EnvelopeError || error instanceof NeedsSteps) throw error
    throw new NeedsSteps(
      rewriting.error('UNSUPPORTED', 'the data of one of two ways holds a value that can not be stored', model),
    )
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
