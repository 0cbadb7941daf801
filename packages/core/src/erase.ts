import { eraseContext, keysLiveFor } from './erasure.ts'
import { EnvelopeError } from './errors.ts'
import { MAX_MILLISECONDS, wholeNumber } from './keys/limits.ts'
import type { Config } from './options.ts'
import { executePast, queryPast, type RootClient, schemaOf } from './prisma-internals.ts'
import type { ManualEnvelope } from './rewrite/manual.ts'

/** `$envelope.erase`. */
export function eraser(root: RootClient, config: Config): ManualEnvelope['erase'] {
  const { models, keyStore } = config
  return async ({ context, keysLiveFor: milliseconds = keysLiveFor(config) }) => {
    if (keyStore === undefined)
      throw new EnvelopeError(
        'CONFIG',
        'erase removes keys from the key store: give `keyStore`, which the generated envelope module exports',
      )
    const sql = {
      query: async (text: string, values: readonly string[]) =>
        (await queryPast(root, text, values)).map((row) => Object.values(row) as readonly (string | null)[]),
      execute: async (text: string, values: readonly string[]) => Number(await executePast(root, text, values, undefined)),
      schema: schemaOf(root),
    }
    return eraseContext(context, {
      models,
      keyStore,
      sql,
      keysLiveFor: wholeNumber('keysLiveFor', milliseconds, 0, MAX_MILLISECONDS),
    })
  }
}
