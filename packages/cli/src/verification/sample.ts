import type { Key } from '../batches/page.ts'
import { type Connection, TRANSACTION_SETTINGS, textRows } from '../database/connection.ts'
import type { Table } from '../rows/table.ts'
import { tableSize } from '../rows/table-size.ts'

/** Keys chosen at random, and how. */
export interface Sample {
  readonly keys: readonly Key[]
  /** `rows`: each row as likely as any other. `blocks`: of blocks chosen at random, as drawing from all rows would take too long. */
  readonly method: 'rows' | 'blocks'
}

/** Up to so many rows, putting all keys into a random order takes seconds. */
const SHUFFLED_ROWS = 1_000_000
/** Blocks are drawn for so many times the rows that are wanted, as they hold more or fewer than the average. */
const SURPLUS = 4

export async function sampleKeys(sql: Connection, table: Table, rows: number): Promise<Sample> {
  const { estimatedRows } = await tableSize(sql, table)
  const percent = (100 * rows * SURPLUS) / Math.max(estimatedRows, 1)
  const method = estimatedRows <= SHUFFLED_ROWS || percent >= 100 ? 'rows' : 'blocks'
  const columns = table.key.map((column) => `t.${column.sql}`).join(', ')
  const from = method === 'rows' ? `${table.sql} AS t` : `${table.sql} AS t TABLESAMPLE SYSTEM (${percent})`
  const keys = await sql.begin('isolation level read committed read only', async (tx) => {
    const text = `SELECT ${columns} FROM ${from} ORDER BY random() LIMIT ${rows}`
    const [, found] = await Promise.all([tx.unsafe(TRANSACTION_SETTINGS), textRows(tx, text)])
    return found
  })
  return { keys: keys as readonly Key[], method }
}
