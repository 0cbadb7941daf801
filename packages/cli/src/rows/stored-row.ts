import type { BoundValue } from 'prisma-envelope/rows'
import type { TextRow } from '../database/connection.ts'
import { bindingOf, type Column, type Table } from './table.ts'

/** A row as the database holds it. */
export interface StoredRow {
  /** Texts of the key's columns. */
  readonly key: readonly string[]
  /** Parsed JSON; undefined where the column is NULL. */
  readonly envelope: unknown
  /** Texts of the encrypted fields' columns, in the order of the table's fields. */
  readonly columns: readonly (string | null)[]
  readonly binding: readonly BoundValue[]
}

/** What {@link storedRow} reads. */
export function rowColumns(table: Table, alias = 't'): string {
  const { key, envelope, fields, bound } = table
  const print = (column: Column): string => printed(column, alias)
  return [...key.map(print), `${alias}.${envelope}`, ...fields.map(print), ...bound.map(print)].join(', ')
}

/** A column as `ColumnText` reads it. */
export function printed({ sql, plan }: Column, alias = 't'): string {
  return plan.list === true ? `to_json(${alias}.${sql}::text[])` : `${alias}.${sql}`
}

export function storedRow(table: Table, texts: TextRow): StoredRow {
  const columnsFrom = table.key.length + 1
  const boundFrom = columnsFrom + table.fields.length
  const envelope = texts[table.key.length] ?? null
  return {
    key: texts.slice(0, table.key.length) as string[],
    envelope: envelope === null ? undefined : JSON.parse(envelope),
    columns: texts.slice(columnsFrom, boundFrom),
    binding: bindingOf(table, texts.slice(boundFrom)),
  }
}

/** Names a row for a report. Keys are not secret: they stand in the table as they are. */
export function primaryKey(table: Table, key: readonly string[]): Record<string, string> {
  return Object.fromEntries(table.key.map(({ name }, i) => [name, key[i] as string]))
}
