import { AsyncLocalStorage } from 'node:async_hooks'
import { EnvelopeError } from './errors.ts'

/**
 * What an operation is run for: who acts, for which tenant, why. The options `context` and `key` and the audit are given it as it is; it goes neither to
 * the database nor, by itself, to the KMS.
 */
export type EnvelopeSettings = Readonly<Record<string, string>>

export const NO_SETTINGS: EnvelopeSettings = Object.freeze({})

const ambient = new AsyncLocalStorage<EnvelopeSettings>()

/**
 * Runs `callback`, and all that it starts, under settings: those of a client made by `$envelope(settings)` go before them, and they before those of a
 * surrounding call. A call of Prisma Client that the callback returns is run within; one that it only keeps has the settings of whoever awaits it.
 *
 * @throws EnvelopeError `CONFIG` where `settings` are not strings by name.
 */
export async function withEnvelopeSettings<Result>(
  settings: EnvelopeSettings,
  callback: () => Result | PromiseLike<Result>,
): Promise<Result> {
  const merged = mergedSettings(ambient.getStore() ?? NO_SETTINGS, settings)
  // Prisma Client runs a call when it is awaited, which has to happen in here.
  return ambient.run(merged, async () => await callback())
}

/** The settings of an operation that starts now. */
export function currentSettings(own: EnvelopeSettings): EnvelopeSettings {
  const surrounding = ambient.getStore()
  if (surrounding === undefined || surrounding === own) return own
  return own === NO_SETTINGS ? surrounding : Object.freeze({ ...surrounding, ...own })
}

/**
 * @param more go before `settings`
 * @throws EnvelopeError `CONFIG`
 */
export function mergedSettings(settings: EnvelopeSettings, more: unknown): EnvelopeSettings {
  if (!isSettings(more)) {
    throw new EnvelopeError('CONFIG', 'settings must be an object of strings by name, such as { tenant, actor, reason }')
  }
  return Object.freeze({ ...settings, ...more })
}

function isSettings(value: unknown): value is EnvelopeSettings {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((text) => typeof text === 'string')
  )
}
