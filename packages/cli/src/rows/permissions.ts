import { type Queryable, textRows } from '../database/connection.ts'
import { literal } from '../database/sql-text.ts'
import { UsageError } from '../usage-error.ts'
import type { Column, Table } from './table.ts'

/**
 * Asks what would fail at the first row, and only there.
 *
 * @param fields names of the fields to write
 * @throws UsageError where the user, or the server, can't read the table's rows or, if `writes`, write them.
 */
export async function assertPermitted(sql: Queryable, table: Table, fields: ReadonlySet<string>, writes: boolean): Promise<void> {
  const { model, sql: name, key, fields: all, bound, plan } = table
  const envelope = plan.columns[plan.envelope?.field ?? '']?.column ?? ''
  const chosen = all.filter((field) => fields.has(field.name))
  const generated = chosen.find(({ isGenerated }) => isGenerated)
  if (writes && generated !== undefined)
    throw new UsageError(`${model}.${generated.name}: the database generates this column, so that nothing can be written into it`)
  const columnsOf = (columns: readonly Column[]): string[] => [envelope, ...columns.map((column) => column.plan.column)]
  const refused = await missing(sql, name, 'SELECT', columnsOf([...key, ...all, ...bound]))
  if (refused !== undefined)
    throw new UsageError(`${model}: the database's user may not read ${refused}: GRANT SELECT ON ${name}`)
  if (!writes) return
  const kept = await missing(sql, name, 'UPDATE', columnsOf(chosen))
  if (kept !== undefined) throw new UsageError(`${model}: the database's user may not write ${kept}: GRANT UPDATE ON ${name}`)
  const [server] = await textRows(sql, 'SELECT pg_is_in_recovery()')
  if (server?.[0] === 't') throw new UsageError('the database is a replica, which takes no writes: give the URL of its primary')
}

/** The first of the columns for which the user lacks the privilege. */
async function missing(
  sql: Queryable,
  table: string,
  privilege: string,
  columns: readonly string[],
): Promise<string | undefined> {
  const names = columns.map((column) => `(${literal(column)})`).join(', ')
  const [row] = await textRows(
    sql,
    `SELECT v.name FROM (VALUES ${names}) AS v(name) WHERE NOT has_column_privilege(to_regclass(${literal(table)}), v.name, '${privilege}') LIMIT 1`,
  )
  return row?.[0] ?? undefined
}
