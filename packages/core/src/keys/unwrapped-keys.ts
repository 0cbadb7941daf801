import type { LRUCache } from 'lru-cache'
import { EnvelopeError } from '../errors.ts'
import { createAgingKeys } from './aging-keys.ts'
import type { Deadline } from './deadline.ts'
import type { KeyCounters } from './key-stats.ts'
import { MAX_MILLISECONDS, wholeNumber } from './limits.ts'
import type { LoanedKey } from './loaned-key.ts'
import { type OwnRowKeys, RowKeyCache } from './row-keys.ts'
import { SharedCalls } from './shared-calls.ts'

export interface CacheLimits {
  /** Keys held at most, and row DEKs beside them; 0 for none, where concurrent openings still share one KMS call. Default 1000. */
  readonly maxEntries: number
  /** Milliseconds after which a key is let go; revoking a KMS key takes effect within it. Default 60,000. */
  readonly maxAge: number
  /** Operations that one unwrapped key serves, however many rows of an operation share it. Default Infinity. */
  readonly maxUses: number
}

/** @throws `CONFIG` */
export function cacheLimits(options: Partial<CacheLimits> = {}): CacheLimits {
  const { maxEntries = 1000, maxAge = 60_000, maxUses = Infinity } = options
  wholeNumber('cache.maxEntries', maxEntries, 0, 2 ** 24)
  wholeNumber('cache.maxAge', maxAge, 1, MAX_MILLISECONDS, ' (to cache nothing, set cache.maxEntries to 0)')
  if (maxUses !== Infinity && !(Number.isInteger(maxUses) && maxUses >= 1)) {
    throw new EnvelopeError('CONFIG', `cache.maxUses must be a whole number from 1, or Infinity, not ${String(maxUses)}`)
  }
  return Object.freeze({ maxEntries, maxAge, maxUses })
}

interface CachedKey {
  readonly key: LoanedKey
  uses: number
  readonly rowKeys?: OwnRowKeys
}

/**
 * The cache of unwrapped keys. An id must stand for key name, encryption context and wrapped bytes together, so that a hit is worth as
 * much as the KMS's own check of all three.
 */
export class UnwrappedKeys {
  readonly #limits: CacheLimits
  readonly #counters: KeyCounters
  readonly #entries: LRUCache<string, CachedKey> | undefined
  readonly #rowKeys: RowKeyCache | undefined
  readonly #calls: SharedCalls<LoanedKey>

  /** @param joinableFor milliseconds after its start within which a running call may be joined. */
  constructor(limits: CacheLimits, joinableFor: number, now: () => number, counters: KeyCounters) {
    this.#limits = limits
    this.#counters = counters
    // lru-cache takes a maximum of 0 for "unbounded".
    if (limits.maxEntries > 0) {
      this.#rowKeys = new RowKeyCache(limits.maxEntries)
      const evicted = ({ rowKeys }: CachedKey): void => {
        counters.evictions++
        rowKeys?.close()
      }
      this.#entries = createAgingKeys<CachedKey>({ ...limits, now, evicted })
    }
    this.#calls = new SharedCalls({
      joinableFor,
      maxAsked: limits.maxUses,
      now,
      joined: () => counters.coalesced++,
      finished: (key, uses, id) => this.#keep(id, { key, uses }),
    })
  }

  /** Gives a cached key to `use`, which lends itself what it keeps; false where there is none. */
  find(id: string, use: (key: LoanedKey) => void): boolean {
    const entry = this.#entries?.get(id)
    if (entry === undefined) return false
    this.#counters.cacheHits++
    entry.uses++
    use(entry.key)
    if (entry.uses >= this.#limits.maxUses) this.#entries?.delete(id)
    return true
  }

  /**
   * As {@link UnwrappedKeys.find}, but a missing key is unwrapped, by one call for all who ask meanwhile.
   *
   * @throws what `unwrap` rejects with (never cached; shared as {@link SharedCalls} says), `TIMEOUT` at the deadline.
   */
  async findOrUnwrap(
    id: string,
    unwrap: (signal: AbortSignal) => Promise<LoanedKey>,
    deadline: Deadline,
    use: (key: LoanedKey) => void,
  ): Promise<void> {
    if (!this.find(id, use)) await this.#calls.ask(id, unwrap, deadline, use)
  }

  /** Puts in a key that was just generated, so that reading one's own rows costs no KMS call. Takes the loan over. */
  seed(id: string, key: LoanedKey): void {
    this.#keep(id, { key, uses: 0 })
  }

  #keep(id: string, entry: CachedKey): void {
    if (this.#entries === undefined || this.#rowKeys === undefined || entry.uses >= this.#limits.maxUses) {
      entry.key.release()
      return
    }
    const rowKeys = this.#rowKeys.open()
    entry.key.keepRowKeys(rowKeys)
    this.#entries.set(id, { ...entry, rowKeys })
  }
}
