import { patiently } from '../batches/retry.ts'
import type { Context } from '../commands/context.ts'
import { TRANSACTION_SETTINGS } from '../database/connection.ts'
import type { Transaction } from './guard-sql.ts'

/**
 * Runs a change of the schema. It waits for a lock for a few seconds only, as all others queue behind it, and then tries again.
 *
 * @param patience milliseconds of failures in a row after which to give up
 */
export async function runTransaction({ sql, output, stop }: Context, patience: number, statements: Transaction): Promise<void> {
  const onRetry = (error: unknown): void =>
    output.note(
      `trying again after ${(error as { code?: string }).code ?? 'an error'}: something else holds a lock, or the server is away`,
    )
  await patiently({ patience, stop, onRetry }, () =>
    sql.begin('read write', async (transaction) => {
      await transaction.unsafe(TRANSACTION_SETTINGS)
      for (const statement of statements) await transaction.unsafe(statement)
    }),
  )
}
