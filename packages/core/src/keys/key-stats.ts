/** What the key layer has done since it was created. */
export interface KeyStats {
  /** Calls to the KMS, failed ones included. */
  readonly kmsCalls: { readonly generateDataKey: number; readonly unwrap: number }
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
  readonly kmsCalls: { generateDataKey: number; unwrap: number }
  cacheHits: number
  coalesced: number
  evictions: number
  refreshes: number
  staleUses: number
}

export function createCounters(): KeyCounters {
  return { kmsCalls: { generateDataKey: 0, unwrap: 0 }, cacheHits: 0, coalesced: 0, evictions: 0, refreshes: 0, staleUses: 0 }
}
