import { randomFillSync } from 'node:crypto'

const POOL_BYTES = 8192

const pool = Buffer.alloc(POOL_BYTES)
let used = POOL_BYTES

/**
 * Fills `target` with bytes of the system's CSPRNG. They come from a pool, because a call of `randomFillSync` costs ten times as much as
 * sealing needs of it; what was handed out is zeroed in the pool at once, so that it is never given twice and the pool keeps no key.
 */
export function fillRandom(target: Uint8Array): void {
  const length = target.length
  if (length > POOL_BYTES) {
    randomFillSync(target)
    return
  }
  if (used + length > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  pool.copy(target, 0, used, used + length)
  pool.fill(0, used, used + length)
  used += length
}
