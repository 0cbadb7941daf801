import postgres from 'postgres'
import type { CliConfig } from '../config/config.ts'
import { isConnectionClosed, isConnectionLost } from './lost-connection.ts'

/** A pool that outlives its connections. */
export interface Connection {
  readonly unsafe: postgres.Sql['unsafe']
  /**
   * Runs `work` in a transaction.
   *
   * @param mode as `BEGIN` takes it
   */
  begin<T>(mode: string, work: (transaction: postgres.TransactionSql) => Promise<T>): Promise<T>
  /** Counts how often fresh connections were taken. */
  readonly generation: number
  /** Takes fresh connections where one of this generation was lost. */
  renew(generation: number): void
  /** @param options `timeout`: seconds for what is under way */
  end(options: { readonly timeout: number }): Promise<void>
}

/** A connection, or one within a transaction. */
export type Queryable = Connection | postgres.TransactionSql

/** Parameters of a connection string that postgres.js or PostgreSQL knows. Others are Prisma's, or a pooler's. */
const KNOWN_PARAMETERS = new Set(['sslmode', 'connect_timeout', 'application_name', 'options'])

/** Object identifiers of types (`pg_type.oid`): that of text, and of those that postgres.js would make values of. */
const TEXT = 25
const PARSED = [16, 17, 21, 23, 26, 114, 700, 701, 1082, 1114, 1184, 3802]

/**
 * Opens a pool. Nothing is asked of the server until the first query. Once a connection is lost all are replaced, as the driver may leave one behind that never
 * answers again.
 */
export function connect({ database }: CliConfig, connections: number): Connection {
  const url = new URL(database.url)
  const unknown = [...url.searchParams.keys()].filter((name) => !KNOWN_PARAMETERS.has(name))
  for (const name of unknown) url.searchParams.delete(name)
  const open = (): postgres.Sql =>
    postgres(url.toString(), {
      max: connections,
      prepare: database.prepare ?? true,
      // Columns come as the text that PostgreSQL prints; arrays are sent as literals.
      fetch_types: false,
      types: { text: { to: TEXT, from: PARSED, serialize: String, parse: (text: string) => text } },
      onnotice: () => {},
      connection: { application_name: 'prisma-envelope-cli' },
    })
  let pool = open()
  let generation = 0

  return {
    unsafe: (...query) => pool.unsafe(...query),
    async begin<T>(mode: string, work: (transaction: postgres.TransactionSql) => Promise<T>): Promise<T> {
      const began = generation
      try {
        const result = await pool.begin(mode, (transaction) => work(transaction).catch(neverToARollback<T>))
        return result as T
      } catch (error) {
        if (isConnectionLost(error)) this.renew(began)
        throw error
      }
    },
    get generation() {
      return generation
    },
    renew(lost) {
      if (lost !== generation) return
      generation += 1
      // Whoever is in a transaction on another connection of the old pool may finish it.
      void pool.end({ timeout: DRAIN_SECONDS }).catch(() => {})
      pool = open()
    },
    end: ({ timeout }) => pool.end({ timeout }),
  }
}

const DRAIN_SECONDS = 2

/**
 * postgres.js 3.4.9 answers a failed transaction with ROLLBACK, also where the connection is gone: from a timer, where its own error can't be caught, and with
 * what is left of that in the connection's buffer the next time it is used (github.com/porsager/postgres, issues 1154 and 1208). The transaction itself fails
 * as soon as the connection is closed; nothing else waits for this promise.
 */
function neverToARollback<T>(error: unknown): Promise<T> {
  if (!isConnectionClosed(error)) throw error
  return new Promise(() => {})
}

/** Every column as PostgreSQL prints it; NULL as null. */
export type TextRow = readonly (string | null)[]

/** Runs a query and gives each column as text. */
export async function textRows(
  sql: Queryable,
  text: string,
  values: readonly (string | number | null)[] = [],
): Promise<readonly TextRow[]> {
  const generation = 'generation' in sql ? sql.generation : undefined
  try {
    return await sql.unsafe(text, [...values] as postgres.ParameterOrJSON<never>[], { prepare: true }).values()
  } catch (error) {
    if ('renew' in sql && generation !== undefined && isConnectionLost(error)) sql.renew(generation)
    throw error
  }
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
