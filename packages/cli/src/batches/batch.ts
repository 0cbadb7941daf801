import type postgres from 'postgres'
import { createKeysAhead, createRowCipher, type EncryptionContext, type KeyService, KeysNeeded } from 'prisma-envelope/rows'
import type { Connection } from '../database/connection.ts'
import { primaryKey } from '../rows/stored-row.ts'
import { type Key, type Locking, type Range, readPage } from './page.ts'
import type { Finding, Task } from './task.ts'
import { type Change, ChangesRefused, writeAll, writeInParts } from './write.ts'

export interface BatchResult {
  /** How many rows the page had. */
  readonly rows: number
  readonly last: Key | undefined
  readonly written: number
  readonly findings: readonly Finding[]
}

export interface BatchOptions {
  readonly limit: number
  readonly locking: Locking
  /** Called once the page is read, so that others can go on behind it. */
  readonly onPage?: (last: Key | undefined, rows: number) => void
}

/**
 * One batch in one transaction: locks and reads rows, changes them, writes them. No KMS is waited for while rows are locked: where a key is not at hand,
 * the transaction is rolled back, the key fetched, and the same range done again. So it is where rows are refused, to find out which.
 */
export async function runBatch(
  sql: Connection,
  keys: KeyService,
  task: Task,
  range: Range,
  options: BatchOptions,
): Promise<BatchResult> {
  const ahead = createKeysAhead(keys)
  const cipher = createRowCipher({ keys: ahead.keys })
  const cipherOf = (context: EncryptionContext | undefined): typeof cipher =>
    context === undefined ? cipher : createRowCipher({ keys: ahead.keys, context })
  let until = range.until
  let isRefused = false
  try {
    for (;;) {
      try {
        return await attempt({ after: range.after, until })
      } catch (error) {
        if (error instanceof KeysNeeded) await error.fetch()
        else if (error instanceof ChangesRefused && !isRefused) {
          isRefused = true
          ahead.sent()
        } else throw error
      }
    }
  } finally {
    ahead.release()
  }

  async function attempt(wanted: Range): Promise<BatchResult> {
    const run = async (tx: postgres.TransactionSql): Promise<BatchResult> => {
      const rows = await readPage(tx, task.table, task.where(), wanted, options.limit, options.locking)
      const last = rows.at(-1)?.key
      until ??= last
      options.onPage?.(last, rows.length)
      const outcomes = rows.length === 0 ? [] : await task.change(rows, cipher, cipherOf)
      const findings: Finding[] = []
      const changes: Change[] = []
      rows.forEach((row, i) => {
        const outcome = outcomes[i]
        if (outcome === undefined) throw new Error('the task gave too few outcomes')
        if (outcome.kind === 'write') changes.push({ row, ...outcome })
        if (outcome.kind === 'refused') {
          const { code, reason, field } = outcome
          findings.push({ model: task.table.model, field, primaryKey: primaryKey(task.table, row.key), code, reason })
        }
      })
      let refused: readonly Finding[] = []
      if (options.locking !== 'none') {
        if (isRefused) refused = await writeInParts(tx, task, changes)
        else await writeAll(tx, task, changes)
      }
      return { rows: rows.length, last, written: changes.length - refused.length, findings: [...findings, ...refused] }
    }
    const mode =
      options.locking === 'none' ? 'isolation level read committed read only' : 'isolation level read committed read write'
    return sql.begin<BatchResult>(mode, run)
  }
}
