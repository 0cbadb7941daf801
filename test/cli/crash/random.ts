/** The same choices each time, from the same seed. */
export interface Random {
  /** From 0 up to `limit`, which it does not reach; a whole number. */
  below(limit: number): number
  chance(probability: number): boolean
  /** Undefined where there is nothing to choose from. */
  pick<T>(list: readonly T[]): T | undefined
}

/** Marsaglia's xorshift on 32 bits, which is random enough to choose by. */
export function createRandom(seed: number): Random {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ 0x5bf03635) >>> 0 || 1
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 2 ** 32
  }
  for (let i = 0; i < 8; i += 1) next()
  const below = (limit: number): number => Math.floor(next() * limit)
  return { below, chance: (probability) => next() < probability, pick: (list) => list[below(list.length)] }
}
