import { EnvelopeError } from '../errors.ts'
import type { BranchLimits } from './branch-keys.ts'
import type { CacheLimits } from './cache-limits.ts'
import type { IndexKeyLines } from './index-keys.ts'
import type { KeyStore } from './key-store.ts'
import type { Keyring } from './keyring.ts'
import type { KmsOptions } from './policy/kms-limits.ts'

export interface KeysOptions {
  readonly keyring: Keyring
  /**
   * What wraps the DEK of a new row: a branch key of the key store (default where there is one), one that travels with the row (default otherwise), or
   * the KMS itself by a call for each row.
   */
  readonly mode?: SealingMode
  /** Needed to seal with stored branch keys, and to open rows that name one. */
  readonly keyStore?: KeyStore | undefined
  readonly cache?: Partial<CacheLimits>
  readonly branch?: Partial<BranchLimits>
  /** What `createIndexKey` returned: `current` is for new tokens, `others` are searched too. */
  readonly indexKey?: IndexKeyLines
  /** Milliseconds that one operation gives to all its KMS work. Default 5,000. */
  readonly deadline?: number
  /** Attempts, rate and circuit breaker of the KMS calls. */
  readonly kms?: KmsOptions
  /**
   * A monotonic clock in milliseconds for the age of keys, so that setting the wall clock neither ages nor rejuvenates one. Default
   * `performance.now`, which deadlines, retries and breakers always go by.
   */
  readonly now?: () => number
  /** From 0 to 1, for jitter. Default `Math.random`. */
  readonly random?: () => number
  /** Milliseconds since 1970, with which the ages of stored keys are taken. Default `Date.now`. */
  readonly wallClock?: () => number
}

export type SealingMode = 'stored' | 'branch' | 'direct'

/** @throws `CONFIG` */
export function sealingMode(mode: SealingMode | undefined, keyStore: KeyStore | undefined): SealingMode {
  if (mode === undefined) return keyStore === undefined ? 'branch' : 'stored'
  if (mode !== 'stored' && mode !== 'branch' && mode !== 'direct') {
    throw new EnvelopeError('CONFIG', "wrap must be 'stored', 'branch' or 'direct'")
  }
  if (mode === 'stored' && keyStore === undefined) {
    throw new EnvelopeError(
      'CONFIG',
      "wrap: 'stored' needs a key store: give `keyStore`, which the generated envelope module exports",
    )
  }
  return mode
}
