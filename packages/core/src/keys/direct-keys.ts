import type { CallTime } from './call-time.ts'
import type { SealingKey } from './contract.ts'
import type { Deadline } from './deadline.ts'
import type { GeneratedKey } from './kms-calls.ts'
import { SharedCall } from './shared-calls.ts'
import { CALLS_SIDE_BY_SIDE, sideBySide } from './side-by-side.ts'

/**
 * A DEK from the KMS for each row.
 *
 * @throws the first error of `generate`, `TIMEOUT` at the deadline; the keys made until then are let go.
 */
export async function directKeys(
  kid: string,
  rows: number,
  generate: (time: CallTime) => Promise<GeneratedKey>,
  deadline: Deadline,
): Promise<readonly SealingKey[]> {
  const taken: (SealingKey | undefined)[] = Array.from({ length: rows })
  try {
    await sideBySide(taken, CALLS_SIDE_BY_SIDE, async (_, index) => {
      if (deadline.expired) throw deadline.error()
      const call = new SharedCall(
        generate,
        ({ key }) => key.release(),
        () => {},
      )
      try {
        taken[index] = await call.wait(deadline, ({ key, wrapped }) => ({
          mode: 'direct' as const,
          kid,
          wrapped,
          key: key.lend(),
          rows: 1,
          source: 'generated' as const,
        }))
      } catch (error) {
        // Without this key the others are of no use: end their calls too.
        deadline.expire()
        throw error
      }
    })
  } catch (error) {
    for (const sealing of taken) sealing?.key.release()
    throw error
  }
  return taken.filter((sealing) => sealing !== undefined)
}
