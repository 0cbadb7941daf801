import postgres from 'postgres'
import type { CliConfig } from '../config/config.ts'

export type Connection = postgres.Sql
/** A connection, or one within a transaction. */
export type Queryable = Connection | postgres.TransactionSql

/** Parameters of a connection string that postgres.js or PostgreSQL knows. Others are Prisma's, or a pooler's. */
const KNOWN_PARAMETERS = new Set(['sslmode', 'connect_timeout', 'application_name', 'options'])

/** Object identifiers of types (`pg_type.oid`): that of text, and of those that postgres.js would make values of. */
const TEXT = 25
const PARSED = [16, 17, 21, 23, 26, 114, 700, 701, 1082, 1114, 1184, 3802]

/** Opens a pool. Nothing is asked of the server until the first query. */
export function connect({ database }: CliConfig, connections: number): Connection {
  const url = new URL(database.url)
  const unknown = [...url.searchParams.keys()].filter((name) => !KNOWN_PARAMETERS.has(name))
  for (const name of unknown) url.searchParams.delete(name)
  return postgres(url.toString(), {
    max: connections,
    prepare: database.prepare ?? true,
    // Columns come as the text that PostgreSQL prints; arrays are sent as literals.
    fetch_types: false,
    types: { text: { to: TEXT, from: PARSED, serialize: String, parse: (text: string) => text } },
    onnotice: () => {},
    connection: { application_name: 'prisma-envelope-cli' },
  })
}

/** Every column as PostgreSQL prints it; NULL as null. */
export type TextRow = readonly (string | null)[]

/** Runs a query and gives each column as text. */
export async function textRows(
  sql: Queryable,
  text: string,
  values: readonly (string | number | null)[] = [],
): Promise<readonly TextRow[]> {
  return sql.unsafe(text, [...values] as postgres.ParameterOrJSON<never>[], { prepare: true }).values()
}

/** {@link textRows} under settings that are sent with it, in one go, and made first. */
export async function textRowsUnder(
  sql: postgres.TransactionSql,
  settings: string,
  text: string,
  values: readonly (string | number | null)[],
): Promise<readonly TextRow[]> {
  // A query is sent when somebody begins to wait for it: the second would overtake the first.
  const made = sql.unsafe(settings).execute()
  const [, rows] = await Promise.all([made, textRows(sql, text, values)])
  return rows
}

/**
 * Settings of one transaction, as poolers keep none beyond it: the output formats that `ColumnText` reads, and an end to waiting for locks, so that a
 * migration of the schema is never queued behind this.
 */
export const TRANSACTION_SETTINGS: string = `SELECT ${Object.entries({
  datestyle: 'ISO, YMD',
  timezone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  lock_timeout: '5s',
  statement_timeout: '0',
})
  .map(([name, value]) => `set_config('${name}', '${value}', true)`)
  .join(', ')}`
