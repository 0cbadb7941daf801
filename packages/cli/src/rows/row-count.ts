import { type Queryable, textRows } from '../database/connection.ts'
import type { Table } from './table.ts'
import { tableSize } from './table-size.ts'

/** Beyond this, counting takes longer than it is worth. */
const COUNTED_EXACTLY = 2_000_000

/** How many rows a table has, for showing how far a command is: counted, or of large tables the planner's estimate. */
export async function countedRows(sql: Queryable, table: Table): Promise<number> {
  const { estimatedRows } = await tableSize(sql, table)
  if (estimatedRows > COUNTED_EXACTLY) return estimatedRows
  const [row] = await textRows(sql, `SELECT count(*) FROM ${table.sql}`)
  return Number(row?.[0] ?? 0)
}
