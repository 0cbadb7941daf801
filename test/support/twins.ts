import type { EnvelopeOptions } from 'prisma-envelope'
import { afterAll } from 'vitest'
import { adapterOf, type Prisma, plain } from './client.ts'
import { createDatabase } from './database.ts'
import { createEncryptedClient, type EncryptedClient } from './encrypted-client.ts'

/** Each generated client knows only its own. */
export type Nulls = Pick<typeof Prisma, 'DbNull' | 'JsonNull' | 'AnyNull'>

/** An encrypted client, and plain Prisma on the same tables without envelopes: what one answers, the other has to answer. */
export async function createTwins(hint: string, options: Partial<EnvelopeOptions> = {}) {
  const [encrypted, database] = await Promise.all([
    createEncryptedClient(hint, options),
    createDatabase(`${hint}_plain`, 'plain'),
  ])
  const client: unknown = new plain.PrismaClient({ adapter: adapterOf(database.url) })
  // But for the envelope, which the encrypted client's types hide, the two have the same types.
  const twin = client as EncryptedClient
  afterAll(() => twin.$disconnect())
  return { ...encrypted, twin, twinNulls: plain.Prisma as Nulls, twinSql: database.sql, twinUrl: database.url }
}
