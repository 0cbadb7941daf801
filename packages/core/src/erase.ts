import { eraseContext } from './erasure.ts'
import { EnvelopeError } from './errors.ts'
import { MAX_MILLISECONDS, wholeNumber } from './keys/limits.ts'
import type { Config } from './options.ts'
import { executePast, queryPast, type RootClient, schemaOf } from './prisma-internals.ts'
import type { ManualEnvelope } from './rewrite/manual.ts'

/** What `cache.maxAge` and `deadline` are by default, in milliseconds. */
const MAX_AGE = 60_000
const DEADLINE = 5_000

/** `$envelope.erase`. */
export function eraser(root: RootClient, { models, keyStore, cache, deadline = DEADLINE }: Config): ManualEnvelope['erase'] {
  const { maxAge = MAX_AGE, staleIfError = 0 } = cache
  return async ({ context, keysLiveFor = maxAge + staleIfError + deadline }) => {
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
      keysLiveFor: wholeNumber('keysLiveFor', keysLiveFor, 0, MAX_MILLISECONDS),
    })
  }
}
