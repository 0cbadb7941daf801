import { EnvelopeError } from '../errors.ts'
import { MAX_MILLISECONDS, wholeNumber } from './limits.ts'

export interface CacheLimits {
  /** Keys held at most, and row DEKs beside them; 0 for none, where concurrent openings still share one KMS call. Default 1000. */
  readonly maxEntries: number
  /** Milliseconds after which a key is unwrapped anew or let go; revoking a KMS key takes effect within it. Default 60,000. */
  readonly maxAge: number
  /** Operations that one unwrapped key serves, however many rows of an operation share it; a refresh counts as one. Default Infinity. */
  readonly maxUses: number
  /** Whether a key that is used late in its age is unwrapped anew in the background, so that no operation waits for it. Default true. */
  readonly refreshAhead: boolean
  /** Milliseconds after its age for which a key may still serve, each time only once the KMS could not be reached. Default 0. */
  readonly staleIfError: number
}

/** @throws `CONFIG` */
export function cacheLimits(options: Partial<CacheLimits> = {}): CacheLimits {
  const { maxEntries = 1000, maxAge = 60_000, maxUses = Infinity, refreshAhead = true, staleIfError = 0 } = options
  wholeNumber('cache.maxEntries', maxEntries, 0, 2 ** 24)
  wholeNumber('cache.maxAge', maxAge, 1, MAX_MILLISECONDS, ' (to cache nothing, set cache.maxEntries to 0)')
  wholeNumber('cache.staleIfError', staleIfError, 0, MAX_MILLISECONDS)
  if (maxUses !== Infinity && !(Number.isInteger(maxUses) && maxUses >= 1)) {
    throw new EnvelopeError('CONFIG', `cache.maxUses must be a whole number from 1, or Infinity, not ${String(maxUses)}`)
  }
  if (typeof refreshAhead !== 'boolean') {
    throw new EnvelopeError('CONFIG', `cache.refreshAhead must be true or false, not ${String(refreshAhead)}`)
  }
  return Object.freeze({ maxEntries, maxAge, maxUses, refreshAhead, staleIfError })
}
