import type { Hit } from './database-scan.ts'

/**
 * Ciphertext is random text, and in ten megabytes of it one of a few dozen words of 6 letters stands by chance about once in a hundred runs.
 * Words of 9 letters would take millions of runs.
 */
export function mayBeChance(envelope: string, value: string): boolean {
  if (!/^[A-Za-z0-9+/]{6,8}$/.test(value) || !envelope.includes(value)) return false
  const { ct, dek, wk, ...rest }: Record<string, unknown> = JSON.parse(envelope)
  return [ct, dek, wk].every((part) => part === undefined || isRandom(part)) && !JSON.stringify(rest).includes(value)
}

/** Base64 of what is too long to be a value. */
function isRandom(part: unknown): boolean {
  return Array.isArray(part) ? part.flat().every(isRandom) : typeof part === 'string' && /^[A-Za-z0-9+/]{32,}={0,2}$/.test(part)
}

/**
 * `sealAnew` writes a doubtful row again, under fresh keys and nonces: chance is gone after that, plaintext still there.
 *
 * @returns the hits that stayed, and how many did not.
 */
export async function withoutChance(
  hits: readonly Hit[],
  sealAnew: (hit: Hit) => Promise<void>,
  scanAgain: () => Promise<readonly Hit[]>,
): Promise<{ readonly hits: readonly Hit[]; readonly chance: number }> {
  const doubtful = hits.filter((hit) => hit.doubtful)
  if (doubtful.length === 0) return { hits, chance: 0 }
  for (const hit of doubtful) await sealAnew(hit)
  const still = new Set((await scanAgain()).map(keyOf))
  const stayed = hits.filter((hit) => !hit.doubtful || still.has(keyOf(hit)))
  return { hits: stayed, chance: hits.length - stayed.length }
}

function keyOf({ table, id, column, value }: Hit): string {
  return JSON.stringify([table, id, column, value])
}
