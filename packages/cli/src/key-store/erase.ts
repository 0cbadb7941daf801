import { type EncryptionContext, type Erasure, eraseContext } from 'prisma-envelope/rows'
import type { CliConfig } from '../config/config.ts'
import { type Connection, textRows } from '../database/connection.ts'
import { UsageError } from '../usage-error.ts'

const DEFAULT_MAX_AGE = 60_000
const DEFAULT_DEADLINE = 5_000

/** Milliseconds for which processes with this configuration may hold keys. */
export function keysLiveFor({ cache, deadline = DEFAULT_DEADLINE }: CliConfig): number {
  return (cache?.maxAge ?? DEFAULT_MAX_AGE) + deadline
}

/**
 * Erases a context's keys, and the tokens of its rows.
 *
 * @param milliseconds for which processes may go on using keys that they hold
 * @throws UsageError where the configuration has no key store
 * @throws EnvelopeError as {@link eraseContext}
 */
export async function erase(
  sql: Connection,
  { models, keyStore }: CliConfig,
  context: EncryptionContext,
  milliseconds: number,
): Promise<Erasure> {
  if (keyStore === undefined) throw new UsageError('the configuration has no `keyStore`, from which keys could be erased')
  return eraseContext(context, {
    models,
    keyStore,
    keysLiveFor: milliseconds,
    sql: {
      query: (text, values) => textRows(sql, text, values),
      execute: async (text, values) => (await sql.unsafe(text, [...values])).count,
    },
  })
}
