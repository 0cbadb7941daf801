import { LRUCache } from 'lru-cache'
import type { RowKeys } from './contract.ts'

const KEY_BYTES = 32
const KEYS_PER_BLOCK = 64

interface KeptKey {
  readonly bytes: Uint8Array
  wrapped: string
  owner: OwnRowKeys | undefined
}

/**
 * The row DEKs of all branch keys in the cache: bounded together, the one unused for longest goes first. Each belongs to the branch key that
 * unwrapped it, and goes with it: so it is no older than that, and nobody finds it who does not hold that very key.
 */
export class RowKeyCache {
  readonly capacity: number
  readonly #kept: LRUCache<string, KeptKey>
  /** Places are used again: a buffer of its own for each DEK would cost the garbage collector more than a hit saves. */
  readonly #free: KeptKey[] = []

  constructor(capacity: number) {
    this.capacity = capacity
    this.#kept = new LRUCache<string, KeptKey>({ max: capacity, dispose: (kept) => this.#clear(kept) })
  }

  /** A place for what one branch key unwraps. */
  open(): OwnRowKeys {
    return new OwnRowKeys(this)
  }

  find(wrapped: string, owner: OwnRowKeys): Uint8Array | undefined {
    const kept = this.#kept.get(wrapped)
    // Each DEK is wrapped under a nonce of its own, but a hostile database may show one beside another branch key.
    return kept?.owner === owner ? kept.bytes : undefined
  }

  keep(wrapped: string, key: Uint8Array, owner: OwnRowKeys): KeptKey | undefined {
    if (key.length !== KEY_BYTES) return undefined
    this.#kept.delete(wrapped)
    const kept = this.#free.pop() ?? this.#allocate()
    kept.bytes.set(key)
    kept.wrapped = wrapped
    kept.owner = owner
    this.#kept.set(wrapped, kept)
    return kept
  }

  release({ wrapped }: KeptKey): void {
    this.#kept.delete(wrapped)
  }

  #clear(kept: KeptKey): void {
    kept.bytes.fill(0)
    kept.owner?.forget(kept)
    kept.owner = undefined
    kept.wrapped = ''
    this.#free.push(kept)
  }

  #allocate(): KeptKey {
    const block = Buffer.alloc(KEY_BYTES * KEYS_PER_BLOCK)
    const places = Array.from({ length: KEYS_PER_BLOCK }, (_, i): KeptKey => {
      return { bytes: block.subarray(i * KEY_BYTES, (i + 1) * KEY_BYTES), wrapped: '', owner: undefined }
    })
    const [first, ...others] = places as [KeptKey, ...KeptKey[]]
    this.#free.push(...others)
    return first
  }
}

/** The row DEKs that one branch key unwrapped, for as long as that key is in the cache. */
export class OwnRowKeys implements RowKeys {
  readonly #cache: RowKeyCache
  readonly #kept = new Set<KeptKey>()
  #closed = false

  constructor(cache: RowKeyCache) {
    this.#cache = cache
  }

  get capacity(): number {
    return this.#cache.capacity
  }

  find(wrapped: string): Uint8Array | undefined {
    return this.#cache.find(wrapped, this)
  }

  keep(wrapped: string, key: Uint8Array): void {
    // An operation may hold the branch key for longer than the cache does.
    if (this.#closed) return
    const kept = this.#cache.keep(wrapped, key, this)
    if (kept !== undefined) this.#kept.add(kept)
  }

  forget(kept: KeptKey): void {
    this.#kept.delete(kept)
  }

  /** The branch key leaves the cache. */
  close(): void {
    this.#closed = true
    for (const kept of this.#kept) this.#cache.release(kept)
  }
}
