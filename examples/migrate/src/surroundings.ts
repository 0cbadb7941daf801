import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { awsKms } from '@prisma-envelope/kms/aws'
import { startLocalKms } from '@prisma-envelope/local-kms'
import { createIndexKey } from 'prisma-envelope'
import type { Cleanup } from '../../patients/src/cleanup.ts'
import { type Database, openDatabase } from '../../patients/src/database/database.ts'

export interface Surroundings {
  readonly database: Database
  /** What processes of the application, and the command line, find in their environment. */
  readonly env: Readonly<Record<string, string>>
  /** Calls to the KMS so far. */
  kmsCalls(): number
  readonly kmsOrigin: string
}

/** PostgreSQL, a KMS with one key, and an index key. */
export async function openSurroundings(cleanup: Cleanup, signal: AbortSignal): Promise<Surroundings> {
  // Not the reader's concern: the AWS SDK announces which Node it will need in years to come.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const database = await openDatabase(cleanup, signal)
  const kms = await startLocalKms({ stateFile: join(await cleanup.temporaryFolder('kms'), 'keys.json') })
  cleanup.add(() => kms.stop())
  await kms.createKey('alias/app-pii')
  const { url: endpoint, region, credentials } = kms
  const current = awsKms({ name: 'pii', keyId: 'alias/app-pii', endpoint, region, credentials })
  const url = new URL(database.url)
  url.searchParams.set('schema', database.schema)
  return {
    database,
    env: {
      ...kms.env,
      DATABASE_URL: url.href,
      INDEX_KEY: await createIndexKey({ current }),
    },
    kmsCalls: () => Object.values(kms.calls).reduce((sum: number, calls) => sum + calls, 0),
    kmsOrigin: `local-kms at ${kms.url}`,
  }
}

/** Runs the SQL of one of `prisma/migrations`, as `prisma migrate deploy` would. */
export async function applyMigration({ sql }: Database, name: string): Promise<void> {
  await sql.query(await readFile(new URL(`../prisma/migrations/${name}/migration.sql`, import.meta.url), 'utf8'))
}
