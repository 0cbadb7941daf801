import { type EncryptionContext, type Erasure, eraseContext } from 'prisma-envelope/rows'
import type { CliConfig } from '../config/config.ts'
import { type Connection, textRows } from '../database/connection.ts'
import { UsageError } from '../usage-error.ts'

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
