import { LRUCache } from 'lru-cache'

/** Keys whose uses are counted: more than any process has in use between two evictions. */
const COUNTED_KEYS = 2 ** 16

/** How often this process has wrapped under each stored key, which may be so often and no more. */
export class WrapCounts {
  readonly #most: number
  /** `maxSize`, not `max`, for which lru-cache would set memory aside for all of them at once. */
  readonly #counts = new LRUCache<string, number>({ maxSize: COUNTED_KEYS, sizeCalculation: () => 1 })

  constructor(most: number) {
    this.#most = most
  }

  left({ id }: { readonly id: string }): number {
    return Math.max(0, this.#most - (this.#counts.get(id) ?? 0))
  }

  add({ id }: { readonly id: string }, wraps: number): void {
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + wraps)
  }
}
