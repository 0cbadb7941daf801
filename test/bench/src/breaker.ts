import { setImmediate as turn } from 'node:timers/promises'
import { createKeyring, createKeys, rowContext } from '../../../packages/core/dist/keys/index.js'
import type { Stand } from './stand.ts'

/** Milliseconds from the first call of a KMS that answers nothing but 503 until its circuit breaker is open, with the defaults. */
export async function timeBreaker({ kms, keys: { current } }: Stand): Promise<number> {
  const keys = createKeys({ keyring: createKeyring({ current }) })
  const heal = kms.faults.inject({ status5xx: 503 })
  const start = performance.now()
  const failed = keys.forSealing({ context: rowContext('Sealed') }, 1).then(
    () => {
      throw new Error('a key came from a KMS that was to fail')
    },
    () => {},
  )
  try {
    while (!keys.stats.breakers.some(({ state }) => state === 'open')) {
      const late = performance.now() - start > 60_000
      if (late) throw new Error('the breaker did not open')
      await turn()
    }
    return Math.round(performance.now() - start)
  } finally {
    heal()
    await failed.catch(() => {})
  }
}
