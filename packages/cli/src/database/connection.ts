import postgres from 'postgres'
import type { CliConfig } from '../config/config.ts'

export type Connection = postgres.Sql
/** A connection, or one within a transaction. */
export type Queryable = Connection | postgres.TransactionSql

/** Parameters of a connection string that postgres.js or PostgreSQL knows. Others are Prisma's, or a pooler's. */
const KNOWN_PARAMETERS = new Set(['sslmode', 'connect_timeout', 'application_name', 'options'])

/** Opens a pool. Nothing is asked of the server until the first query. */
export function connect({ database }: CliConfig, connections: number): Connection {
  const url = new URL(database.url)
  for (const name of Array.from(url.searchParams.keys())) if (!KNOWN_PARAMETERS.has(name)) url.searchParams.delete(name)
  return postgres(url.toString(), {
    max: connections,
    prepare: database.prepare ?? true,
    // Types are asked for as text; arrays are sent as literals.
    fetch_types: false,
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
  const rows = await sql.unsafe(text, [...values] as postgres.ParameterOrJSON<never>[], { prepare: true }).raw()
  return rows.map((row) =>
    (row as unknown as readonly (Buffer | null)[]).map((column) => (column === null ? null : column.toString())),
  )
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
