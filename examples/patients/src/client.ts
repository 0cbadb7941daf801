import { PrismaPg } from '@prisma/adapter-pg'
import { envelopeEncryption, type KeyProvider } from 'prisma-envelope'
import { type EnvelopeClient, models, omit } from '../generated/envelope/index.ts'
import { Prisma, PrismaClient } from '../generated/prisma/client.ts'
import type { Database } from './database/database.ts'

/** This is all that an application changes: the generated `omit`, and one extension. */
export function createClient({ url, schema }: Database, provider: KeyProvider, indexKey: string): EnvelopeClient {
  const adapter = new PrismaPg({ connectionString: url }, { schema })
  return new PrismaClient({ adapter, omit }).$extends(
    envelopeEncryption({ Prisma, models, keys: { current: provider }, indexKey: { current: indexKey } }),
  )
}
