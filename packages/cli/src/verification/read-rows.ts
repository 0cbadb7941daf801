import { arrayLiteral, EnvelopeError } from 'prisma-envelope/rows'
import { type Key, readPageTexts } from '../batches/page.ts'
import { type Connection, type TextRow, TRANSACTION_SETTINGS, textRows } from '../database/connection.ts'
import { rowColumns, type StoredRow, storedRow } from '../rows/stored-row.ts'
import type { Table } from '../rows/table.ts'

/** A row as it was read; instead of it, why it can't be: what a column of its binding holds is none of the schema's values. */
export interface ReadRow {
  readonly key: Key
  readonly row: StoredRow | EnvelopeError
}

const READ_ONLY = 'isolation level read committed read only'

/** Pages of a whole table in the order of its keys, each of one statement and so of one moment. Nothing is locked. */
export function tablePages(sql: Connection, table: Table, batch: number): () => Promise<readonly ReadRow[] | undefined> {
  let after: Key | undefined
  let exhausted = false
  return async () => {
    if (exhausted) return undefined
    const range = { after, until: undefined }
    const texts = await sql.begin(READ_ONLY, (tx) => readPageTexts(tx, table, 'true', range, batch, 'none'))
    const rows = texts.map((text) => readRow(table, text))
    exhausted = rows.length < batch
    after = rows.at(-1)?.key
    return rows.length === 0 ? undefined : rows
  }
}

/** Pages of the rows that have these keys. */
export function keyedPages(
  sql: Connection,
  table: Table,
  keys: readonly Key[],
  batch: number,
): () => Promise<readonly ReadRow[] | undefined> {
  let from = 0
  return async () => {
    if (from >= keys.length) return undefined
    const rows = await rowsByKey(sql, table, keys.slice(from, from + batch))
    from += batch
    return rows
  }
}

/** The rows that have these keys, as far as they are there, in any order. */
export async function rowsByKey(sql: Connection, table: Table, keys: readonly Key[]): Promise<readonly ReadRow[]> {
  const names = table.key.map((_, i) => `k${i}`)
  const same = table.key.map((column, i) => `t.${column.sql} = v.k${i}::${column.type}`)
  const lists = table.key.map((_, i) => arrayLiteral(keys.map((key) => key[i] as string)))
  const text = `SELECT ${rowColumns(table)} FROM ${table.sql} AS t JOIN unnest(${names.map((_, i) => `$${i + 1}::text[]`).join(', ')}) AS v(${names.join(', ')}) ON ${same.join(' AND ')}`
  const rows = await sql.begin(READ_ONLY, async (tx) => {
    const [, found] = await Promise.all([tx.unsafe(TRANSACTION_SETTINGS), textRows(tx, text, lists)])
    return found
  })
  return rows.map((row) => readRow(table, row))
}

function readRow(table: Table, texts: TextRow): ReadRow {
  const key = texts.slice(0, table.key.length) as string[]
  try {
    return { key, row: storedRow(table, texts) }
  } catch (error) {
    if (error instanceof EnvelopeError) return { key, row: error }
    throw error
  }
}
