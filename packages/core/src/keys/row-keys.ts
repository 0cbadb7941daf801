import type { RowKeys } from './contract.ts'

const KEY_BYTES = 32
const PLACES_PER_BLOCK = 64

/** A place for one DEK, used again and again: a buffer of its own for each would cost the garbage collector more than a hit saves. */
interface Place {
  readonly bytes: Uint8Array
  wrapped: string
  owner: OwnRowKeys | undefined
  /** Found since the hand last passed. */
  used: boolean
}

/**
 * The row DEKs of all branch keys in the cache, bounded together. Each belongs to the branch key that unwrapped it, and goes with it: so it is no
 * older than that, and nobody finds it who does not hold that very key.
 *
 * What nobody found again goes first (the CLOCK algorithm): marking a place costs a hit next to nothing, and rows that are read once push out no
 * others that are read again and again.
 */
export class RowKeyCache {
  readonly capacity: number
  readonly #places: Place[] = []
  readonly #empty: Place[] = []
  readonly #taken = new Map<string, Place>()
  #hand = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** A share for what one branch key unwraps. */
  open(): OwnRowKeys {
    return new OwnRowKeys(this)
  }

  find(wrapped: string, owner: OwnRowKeys): Uint8Array | undefined {
    const place = this.#taken.get(wrapped)
    // Each DEK is wrapped under a nonce of its own, but a hostile database may show one beside another branch key.
    if (place?.owner !== owner) return undefined
    place.used = true
    return place.bytes
  }

  keep(wrapped: string, key: Uint8Array, owner: OwnRowKeys): Place {
    const before = this.#taken.get(wrapped)
    if (before !== undefined) this.clear(before)
    if (this.#empty.length === 0) {
      if (this.#places.length < this.capacity) this.#grow()
      else this.#evict()
    }
    const place = this.#empty.pop() as Place
    place.bytes.set(key)
    place.wrapped = wrapped
    place.owner = owner
    this.#taken.set(wrapped, place)
    return place
  }

  clear(place: Place): void {
    this.#taken.delete(place.wrapped)
    place.bytes.fill(0)
    place.owner?.forget(place)
    place.owner = undefined
    place.wrapped = ''
    place.used = false
    this.#empty.push(place)
  }

  #evict(): void {
    for (;;) {
      const place = this.#places[this.#hand] as Place
      this.#hand = (this.#hand + 1) % this.#places.length
      if (!place.used) return this.clear(place)
      place.used = false
    }
  }

  #grow(): void {
    // Over a buffer of its own: V8 keeps small arrays in its own heap, where a garbage collection leaves copies behind.
    const block = Buffer.from(new ArrayBuffer(KEY_BYTES * Math.min(PLACES_PER_BLOCK, this.capacity - this.#places.length)))
    for (let at = 0; at < block.length; at += KEY_BYTES) {
      this.#places.push({ bytes: block.subarray(at, at + KEY_BYTES), wrapped: '', owner: undefined, used: false })
    }
    // The first of them is taken first.
    this.#empty.push(...this.#places.slice(-block.length / KEY_BYTES).toReversed())
  }
}

/** The row DEKs that one branch key unwrapped, for as long as that key is in the cache. */
export class OwnRowKeys implements RowKeys {
  readonly #cache: RowKeyCache
  readonly #places = new Set<Place>()
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
    this.#places.add(this.#cache.keep(wrapped, key, this))
  }

  forget(place: Place): void {
    this.#places.delete(place)
  }

  /** The branch key leaves the cache. */
  close(): void {
    this.#closed = true
    for (const place of this.#places) this.#cache.clear(place)
  }
}
