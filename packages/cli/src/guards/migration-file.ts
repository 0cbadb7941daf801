import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../usage-error.ts'

/**
 * Writes `<directory>/<timestamp>_<name>/migration.sql`, as Prisma Migrate reads it.
 *
 * @returns the file's path
 * @throws UsageError for a name that is none, and where the folder is there already: it is never written over.
 */
export async function writeMigration(directory: string, name: string, sql: string, now: Date = new Date()): Promise<string> {
  if (!/^[A-Za-z0-9_-]+$/.test(name)) throw new UsageError('the name of a migration has letters, digits, "_" and "-" only')
  const timestamp = now.toISOString().replaceAll(/\D/g, '').slice(0, 14)
  const folder = join(directory, `${timestamp}_${name}`)
  await mkdir(directory, { recursive: true })
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      error.code === 'EEXIST' ? `${folder} is there already: give another name` : `${folder} can't be made: ${error.message}`,
    )
  })
  const file = join(folder, 'migration.sql')
  await writeFile(file, sql, { flag: 'wx' })
  return file
}
