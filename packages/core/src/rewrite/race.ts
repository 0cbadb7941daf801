import { setTimeout as sleep } from 'node:timers/promises'
import type { Model } from './model.ts'
import type { Rewriting } from './rewriting.ts'

const MAX_ATTEMPTS = 100
const MAX_PAUSE_MS = 50

/** Another writer came between reading a row and writing it. */
export const LOST: unique symbol = Symbol('lost')

/**
 * Tries again until no other writer came between, with pauses of random length.
 *
 * @param attempt starts anew each time; {@link LOST} asks for another attempt.
 * @throws EnvelopeError `CONFLICT` after 100 lost races.
 */
export async function untilWon<T>(model: Model, rewriting: Rewriting, attempt: () => Promise<T | typeof LOST>): Promise<T> {
  for (let tried = 0; tried < MAX_ATTEMPTS; tried += 1) {
    if (tried > 0) await sleep(Math.random() * Math.min(MAX_PAUSE_MS, 2 ** tried))
    const outcome = await attempt()
    if (outcome !== LOST) return outcome
  }
  throw rewriting.error('CONFLICT', `other writers changed the row ${MAX_ATTEMPTS} times in between; try again later`, model)
}
