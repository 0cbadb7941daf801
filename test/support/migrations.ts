import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'

/** The migrations of this repository's own test schema. */
export const migrations: string = fileURLToPath(new URL('../../prisma/migrations', import.meta.url))

/** Runs `<directory>/<timestamp>_<name>/migration.sql` in order, as `prisma migrate deploy` would, without its bookkeeping. */
export async function applyMigrations(url: string, directory: string = migrations): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  for (const name of names.sort()) await execute(url, await readFile(join(directory, name, 'migration.sql'), 'utf8'))
}

/** Turns the test schema's tables into what they would be without encryption: the same columns, no envelope. */
export async function dropEnvelopes(url: string): Promise<void> {
  await execute(
    url,
    `DO $$ DECLARE c record; BEGIN
       FOR c IN SELECT table_name, column_name FROM information_schema.columns
                WHERE table_schema = 'public' AND column_name LIKE '%envelope%' LOOP
         EXECUTE format('ALTER TABLE %I DROP COLUMN %I', c.table_name, c.column_name);
       END LOOP;
     END $$`,
  )
}

/** Runs statements that take no parameters, on a connection of their own. */
export async function execute(url: string, statements: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(statements).simple()
  } finally {
    await sql.end()
  }
}
