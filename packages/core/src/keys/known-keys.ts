import { LRUCache } from 'lru-cache'
import type { KeyStoreReader, StoredKey } from './key-store.ts'

/** What an operation may read of a key store, and by what. */
export interface StoreAccess {
  readonly reader: KeyStoreReader
  /** Keys that the caller's transaction has read. Its snapshot may be older than anything that others may rely on. */
  readonly own?: Map<string, StoredKey>
}

/**
 * Rows of the key store by their id. They are wrapped keys, so that nothing of this is secret; it is bounded in number and age, and nothing that changes in
 * the store (a key that is erased, or wrapped by another KMS key) stays unseen for longer than that age.
 */
export class KnownKeys {
  readonly #keys: LRUCache<string, StoredKey> | undefined
  readonly #loading = new Map<string, Promise<readonly StoredKey[]>>()
  readonly #now: () => number

  /** @param maxAge milliseconds */
  constructor(maxEntries: number, maxAge: number, now: () => number) {
    this.#now = now
    if (maxEntries > 0) {
      // lru-cache takes a start of 0 for "never expires", and by default remembers the time for a millisecond by a timer.
      this.#keys = new LRUCache({ max: maxEntries, ttl: maxAge, perf: { now: () => now() + 1 }, ttlResolution: 0 })
    }
  }

  find(id: string, { own }: StoreAccess): StoredKey | undefined {
    return this.#keys?.get(id) ?? own?.get(id)
  }

  /** @param readAt when its query was sent, by the clock given. */
  add(key: StoredKey, readAt: number): void {
    this.#keys?.set(key.id, key, { start: readAt + 1 })
  }

  forget(id: string, { own }: StoreAccess): void {
    this.#keys?.delete(id)
    own?.delete(id)
  }

  /**
   * The keys of these ids, which are not known, by one query; ids that the store does not know are missing from the result.
   *
   * @throws what the store throws.
   */
  async load(ids: ReadonlySet<string>, access: StoreAccess): Promise<ReadonlyMap<string, StoredKey>> {
    const found = new Map<string, StoredKey>()
    const take = (keys: readonly StoredKey[]): void => {
      for (const key of keys) if (ids.has(key.id)) found.set(key.id, key)
    }
    if (access.own !== undefined) {
      take(await access.reader.load([...ids]))
      for (const [id, key] of found) access.own.set(id, key)
      return found
    }
    const missing = [...ids].filter((id) => !this.#loading.has(id))
    const running = new Set([...ids].flatMap((id) => this.#loading.get(id) ?? []))
    if (missing.length > 0) running.add(this.#load(missing, access.reader))
    for (const keys of await Promise.all(running)) take(keys)
    return found
  }

  #load(ids: readonly string[], reader: KeyStoreReader): Promise<readonly StoredKey[]> {
    const readAt = this.#now()
    const loading = reader.load(ids).then(
      (keys) => {
        done()
        for (const key of keys) if (ids.includes(key.id)) this.add(key, readAt)
        return keys
      },
      (error: unknown) => {
        done()
        throw error
      },
    )
    const done = (): void => {
      for (const id of ids) this.#loading.delete(id)
    }
    for (const id of ids) this.#loading.set(id, loading)
    return loading
  }
}
