import { timingSafeEqual } from 'node:crypto'
import type { LRUCache } from 'lru-cache'
import { EnvelopeError } from '../errors.ts'
import { createAgingKeys } from './aging-keys.ts'
import type { CacheLimits } from './cache-limits.ts'
import type { CallTime } from './call-time.ts'
import { Deadline } from './deadline.ts'
import type { KeyCounters } from './key-stats.ts'
import type { LoanedKey } from './loaned-key.ts'
import { type OwnRowKeys, RowKeyCache } from './row-keys.ts'
import { SharedCalls } from './shared-calls.ts'

/** Asks the KMS for a key. */
export type Unwrap = (time: CallTime) => Promise<LoanedKey>

export interface UnwrappedKeysRules {
  readonly limits: CacheLimits
  /** Milliseconds after its start within which a running call may be joined, and which a refresh may take. */
  readonly deadline: number
  readonly now: () => number
  /** From 0 to 1, as `Math.random`. */
  readonly random: () => number
  readonly counters: KeyCounters
}

interface Unwrapped {
  readonly key: LoanedKey
  readonly unwrap: Unwrap
}

interface CachedKey extends Unwrapped {
  readonly rowKeys: OwnRowKeys
  uses: number
  freshUntil: number
  /** A use at this time or later has the key unwrapped anew. */
  refreshFrom: number
}

/** The part of its age after which a key that is used is refreshed; which, is drawn for each key, so that processes do not ask in step. */
const REFRESH = { from: 0.75, to: 0.95 }

/** After a refresh that failed, none is tried for this part of the age: at most 6 in all before it ends. */
const BACK_OFF = 0.05

/** The KMS gave no answer. Every other error is an answer: the key may not be used. */
const OUTAGES: ReadonlySet<string> = new Set(['UNAVAILABLE', 'TIMEOUT', 'THROTTLED'])

function isOutage(error: unknown): boolean {
  return error instanceof EnvelopeError && OUTAGES.has(error.code)
}

/**
 * The cache of unwrapped keys. An id must stand for key name, encryption context and wrapped bytes together, so that a hit is worth as
 * much as the KMS's own check of all three.
 */
export class UnwrappedKeys {
  readonly #rules: UnwrappedKeysRules
  readonly #entries: LRUCache<string, CachedKey> | undefined
  readonly #rowKeys: RowKeyCache
  readonly #calls: SharedCalls<Unwrapped>

  constructor(rules: UnwrappedKeysRules) {
    const { limits, deadline, now, counters } = rules
    this.#rules = rules
    this.#rowKeys = new RowKeyCache(limits.maxEntries)
    // lru-cache takes a maximum of 0 for "unbounded".
    if (limits.maxEntries > 0) {
      const evicted = ({ rowKeys }: CachedKey): void => {
        counters.evictions++
        rowKeys.close()
      }
      const maxAge = limits.maxAge + limits.staleIfError
      this.#entries = createAgingKeys<CachedKey>({ maxEntries: limits.maxEntries, maxAge, now, evicted })
    }
    this.#calls = new SharedCalls({
      joinableFor: deadline,
      maxAsked: limits.maxUses,
      now,
      joined: () => counters.coalesced++,
      finished: (unwrapped, uses, id) => this.#keep(id, unwrapped, uses),
    })
  }

  /** Gives a cached key to `use`, which lends itself what it keeps; false where there is none. */
  find(id: string, use: (key: LoanedKey) => void): boolean {
    const entry = this.#entries?.get(id)
    if (entry === undefined) return false
    const now = this.#rules.now()
    if (now > entry.freshUntil) return false
    this.#rules.counters.cacheHits++
    const stays = this.#serve(id, entry, use)
    if (stays && now >= entry.refreshFrom) this.#refresh(id, entry)
    return true
  }

  /**
   * As {@link UnwrappedKeys.find}, but a missing key is unwrapped, by one call for all who ask meanwhile. Where the KMS gives no answer, an expired
   * one may serve, if the limits say so.
   *
   * @throws what `unwrap` rejects with (never cached; shared as {@link SharedCalls} says), `TIMEOUT` at the deadline.
   */
  async findOrUnwrap(id: string, unwrap: Unwrap, deadline: Deadline, use: (key: LoanedKey) => void): Promise<void> {
    try {
      await this.findFreshOrUnwrap(id, unwrap, deadline, use)
    } catch (error) {
      const expired = isOutage(error) ? this.#entries?.get(id) : undefined
      if (expired === undefined) throw error
      this.#rules.counters.staleUses++
      this.#serve(id, expired, use)
    }
  }

  /** As {@link UnwrappedKeys.findOrUnwrap}, but no expired key serves: new rows are never sealed under one. */
  async findFreshOrUnwrap(id: string, unwrap: Unwrap, deadline: Deadline, use: (key: LoanedKey) => void): Promise<void> {
    if (!this.find(id, use)) await this.#calls.ask(id, this.#call(id, unwrap), deadline, ({ key }) => use(key))
  }

  /** Puts in a key that was just generated, so that reading one's own rows costs no KMS call. Takes the loan over. */
  seed(id: string, key: LoanedKey, unwrap: Unwrap): void {
    this.#keep(id, { key, unwrap }, 0)
  }

  /** @returns whether the key stays in the cache. */
  #serve(id: string, entry: CachedKey, use: (key: LoanedKey) => void): boolean {
    entry.uses++
    use(entry.key)
    if (entry.uses < this.#rules.limits.maxUses) return true
    this.#entries?.delete(id)
    return false
  }

  /**
   * A KMS call that refuses the key takes it from the cache at once, before anybody hears of the refusal. Where there still is one, nobody waits for retries.
   */
  #call(id: string, unwrap: Unwrap): (time: CallTime) => Promise<Unwrapped> {
    return async (time) => {
      try {
        const hurried = this.#entries?.has(id) === true ? { ...time, left: () => 0 } : time
        return { key: await unwrap(hurried), unwrap }
      } catch (error) {
        if (!isOutage(error)) this.#entries?.delete(id)
        throw error
      }
    }
  }

  /** Nobody waits for it: whoever comes meanwhile has the key that is there, or joins the call once that has expired. */
  #refresh(id: string, entry: CachedKey): void {
    const { deadline: milliseconds, limits, now, counters } = this.#rules
    counters.refreshes++
    entry.refreshFrom = Infinity
    const deadline = new Deadline(milliseconds, { unreferenced: true })
    this.#calls
      .ask(id, this.#call(id, entry.unwrap), deadline, () => {})
      .catch(() => {
        entry.refreshFrom = now() + BACK_OFF * limits.maxAge
      })
      .finally(() => deadline.clear())
  }

  #keep(id: string, { key, unwrap }: Unwrapped, uses: number): void {
    const entries = this.#entries
    if (entries === undefined || uses >= this.#rules.limits.maxUses) {
      entries?.delete(id)
      key.release()
      return
    }
    const entry = entries.get(id)
    // The row DEKs of a key stay with it when the KMS has given it again: whoever holds the key could unwrap them anew without the KMS. That they are
    // this key's, and no other's, is what the comparison of the bytes makes sure of.
    if (entry !== undefined && timingSafeEqual(entry.key.bytes, key.bytes)) {
      key.release()
      entries.set(id, this.#rejuvenated(entry, uses))
      return
    }
    const rowKeys = this.#rowKeys.open()
    key.keepRowKeys(rowKeys)
    entries.set(id, this.#rejuvenated({ key, unwrap, rowKeys, uses: 0, freshUntil: 0, refreshFrom: 0 }, uses))
  }

  /** The same object: lru-cache takes another one for a key that is replaced, and lets the old one go. */
  #rejuvenated(entry: CachedKey, uses: number): CachedKey {
    const { limits, now, random } = this.#rules
    const start = now()
    entry.uses = uses
    entry.freshUntil = start + limits.maxAge
    entry.refreshFrom = limits.refreshAhead
      ? start + limits.maxAge * (REFRESH.from + (REFRESH.to - REFRESH.from) * random())
      : Infinity
    return entry
  }
}
