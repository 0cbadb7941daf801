import { setTimeout as sleep } from 'node:timers/promises'
import type { KeyProvider } from 'prisma-envelope/rows'
import type { CliConfig } from './config.ts'

/** The same keys, all together asked at most `rate` times a second: the account's quota is the application's too. */
export function pacedKeys(keys: CliConfig['keys'], rate: number): CliConfig['keys'] {
  let freeAt = performance.now()
  const turn = async (signal: AbortSignal | undefined): Promise<void> => {
    const now = performance.now()
    const at = Math.max(freeAt, now)
    freeAt = at + 1000 / rate
    // The provider itself says what an aborted call is.
    if (at > now) await sleep(at - now, undefined, { ...(signal !== undefined && { signal }) }).catch(() => {})
  }
  const paced = (provider: KeyProvider): KeyProvider => ({
    name: provider.name,
    ...(provider.insecure === true && { insecure: true }),
    generateDataKey: async (context, options) => {
      await turn(options?.signal)
      return provider.generateDataKey(context, options)
    },
    wrap: async (plaintext, context, options) => {
      await turn(options?.signal)
      return provider.wrap(plaintext, context, options)
    },
    unwrap: async (wrapped, context, options) => {
      await turn(options?.signal)
      return provider.unwrap(wrapped, context, options)
    },
    ...(provider.rewrap !== undefined && {
      rewrap: async (wrapped, context, options) => {
        await turn(options?.signal)
        return (provider.rewrap as NonNullable<KeyProvider['rewrap']>)(wrapped, context, options)
      },
    }),
  })
  return { current: paced(keys.current), others: (keys.others ?? []).map(paced) }
}
