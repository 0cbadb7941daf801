import type postgres from 'postgres'
import { type TextRow, TRANSACTION_SETTINGS, textRowsUnder } from '../database/connection.ts'
import { rowColumns, type StoredRow, storedRow } from '../rows/stored-row.ts'
import type { Table } from '../rows/table.ts'

/** Texts of a row's key. */
export type Key = readonly string[]

/** A part of a table: keys beyond `after`, up to and with `until`; both open where undefined. */
export interface Range {
  readonly after: Key | undefined
  readonly until: Key | undefined
}

/** How the rows of a page are locked: taken where nobody else has them, waited for, or not at all. */
export type Locking = 'skip' | 'wait' | 'none'

/**
 * A page goes on where the last one ended. What the planner knows of a table that is being rewritten is wrong soon, and would have it read the whole
 * table for each page; for the first page, it may choose.
 */
const IN_KEY_ORDER = 'SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off'

/** Reads the next rows of a range in the order of their keys. */
export async function readPage(
  sql: postgres.TransactionSql,
  table: Table,
  where: string,
  range: Range,
  limit: number,
  locking: Locking,
): Promise<readonly StoredRow[]> {
  const rows = await readPageTexts(sql, table, where, range, limit, locking)
  return rows.map((row) => storedRow(table, row))
}

/** The same as texts, for those who expect rows that can't be read. */
export async function readPageTexts(
  sql: postgres.TransactionSql,
  table: Table,
  where: string,
  range: Range,
  limit: number,
  locking: Locking,
): Promise<readonly TextRow[]> {
  const values: string[] = []
  const conditions = [where, bound('>', range.after), bound('<=', range.until)].filter((condition) => condition !== '')
  const order = table.key.map((column) => `t.${column.sql}`).join(', ')
  // A range that has an end was a page before: rows that came into it meanwhile must not push others out.
  const most = range.until === undefined ? ` LIMIT ${limit}` : ''
  const lock = { skip: ' FOR UPDATE OF t SKIP LOCKED', wait: ' FOR UPDATE OF t', none: '' }[locking]
  const text = `SELECT ${rowColumns(table)} FROM ${table.sql} AS t WHERE ${conditions.map((condition) => `(${condition})`).join(' AND ')} ORDER BY ${order}${most}${lock}`
  const settings = range.after === undefined ? TRANSACTION_SETTINGS : `${TRANSACTION_SETTINGS}; ${IN_KEY_ORDER}`
  return textRowsUnder(sql, settings, text, values)

  function bound(operator: '>' | '<=', key: Key | undefined): string {
    if (key === undefined) return ''
    const columns = table.key.map((column) => `t.${column.sql}`)
    const given = table.key.map((column, i) => `$${values.push(key[i] as string)}::text::${column.type}`)
    return `(${columns.join(', ')}) ${operator} (${given.join(', ')})`
  }
}
