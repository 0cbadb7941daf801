import { LRUCache } from 'lru-cache'
import type { LoanedKey } from './loaned-key.ts'

export interface AgingRules<V> {
  readonly maxEntries: number
  /** Milliseconds. */
  readonly maxAge: number
  readonly now: () => number
  /** Gets each entry that is let go. */
  readonly evicted: (entry: V) => void
}

/**
 * Entries that hold a loan of a key each, bounded in number and age; letting an entry go releases its loan.
 *
 * `get` never returns an expired entry. Those that nobody asks for again are swept out at most `maxAge / 2` late by an unreferenced timer,
 * which runs only while there are entries: an idle process keeps no keys, and no process stays alive for the sweeping.
 */
export function createAgingKeys<V extends { readonly key: LoanedKey }>(rules: AgingRules<V>): LRUCache<string, V> {
  const { maxEntries, maxAge, now, evicted } = rules
  let timer: NodeJS.Timeout | undefined

  const entries = new LRUCache<string, V>({
    max: maxEntries,
    ttl: maxAge,
    // lru-cache takes a start of 0 for "never expires", and by default remembers the time for a millisecond by a timer.
    perf: { now: () => now() + 1 },
    ttlResolution: 0,
    dispose: (entry) => {
      evicted(entry)
      entry.key.release()
    },
    onInsert: sweepLater,
  })

  function sweepLater(): void {
    timer ??= setTimeout(sweep, Math.ceil(maxAge / 2)).unref()
  }

  function sweep(): void {
    timer = undefined
    entries.purgeStale()
    if (entries.size > 0) sweepLater()
  }

  return entries
}
