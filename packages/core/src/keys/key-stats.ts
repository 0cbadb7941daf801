import type { BreakerStats } from './policy/circuit-breaker.ts'

/** What the key layer has done since it was created: a live view, whose numbers go on counting. */
export interface KeyStats {
  /** Calls to the KMS, each attempt and failed ones included. */
  readonly kmsCalls: { readonly generateDataKey: number; readonly wrap: number; readonly unwrap: number }
  /** Calls under way now. */
  readonly inFlight: number
  /** Attempts beyond the first of a call. */
  readonly retries: number
  /** Calls that the KMS answered by throttling. */
  readonly throttled: number
  /** Calls made to another provider of a key than its first. */
  readonly failovers: number
  /** One for each provider that was ever called. */
  readonly breakers: readonly BreakerStats[]
  /** Distinct keys of an operation that the cache of unwrapped keys had. */
  readonly cacheHits: number
  /** Waits that joined a running KMS call instead of making one. */
  readonly coalesced: number
  /** Unwrapped keys and branch keys let go because of size, age or use. */
  readonly evictions: number
  /** Keys unwrapped anew before their age ended, as far as begun. */
  readonly refreshes: number
  /** Uses of keys that had expired, while the KMS gave no answer. */
  readonly staleUses: number
}

/** {@link KeyStats} for those who count. */
export interface KeyCounters {
  readonly kmsCalls: { generateDataKey: number; wrap: number; unwrap: number }
  inFlight: number
  retries: number
  throttled: number
  failovers: number
  readonly breakers: BreakerStats[]
  cacheHits: number
  coalesced: number
  evictions: number
  refreshes: number
  staleUses: number
}

export function createCounters(): KeyCounters {
  return {
    kmsCalls: { generateDataKey: 0, wrap: 0, unwrap: 0 },
    inFlight: 0,
    retries: 0,
    throttled: 0,
    failovers: 0,
    breakers: [],
    cacheHits: 0,
    coalesced: 0,
    evictions: 0,
    refreshes: 0,
    staleUses: 0,
  }
}

/** What was counted so far, which counts no further. */
export function snapshotOf(stats: KeyStats): KeyStats {
  return Object.freeze({
    ...stats,
    kmsCalls: Object.freeze({ ...stats.kmsCalls }),
    breakers: Object.freeze(stats.breakers.map((breaker) => Object.freeze({ ...breaker }))),
  })
}
