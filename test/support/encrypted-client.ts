import { type EnvelopeOptions, envelopeEncryption, type KeyProvider } from 'prisma-envelope'
import { afterAll } from 'vitest'
import { adapterOf, models, omit, Prisma, PrismaClient } from './client.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { startKms } from './kms.ts'

/** The client without the extension: what the database holds, in Prisma's types. Closed when the test file ends. */
export function createBareClient(database: TestDatabase, poolSize?: number) {
  const client = new PrismaClient({ adapter: adapterOf(database.url, poolSize), omit })
  afterAll(() => client.$disconnect())
  return client
}

export type BareClient = ReturnType<typeof createBareClient>

export interface Keys {
  readonly keys: { readonly current: KeyProvider; readonly others?: readonly KeyProvider[] }
  readonly indexKey: { readonly current: string }
}

export function extend(bare: BareClient, options: Keys & Partial<EnvelopeOptions>) {
  return bare.$extends(envelopeEncryption({ Prisma, models, ...options }))
}

export type EncryptedClient = ReturnType<typeof extend>

/** A database, a KMS over HTTP and an extended client of the variant under test. `client` makes another one with caches of its own. */
export async function createEncryptedClient(hint: string, options: Partial<EnvelopeOptions> = {}) {
  const [database, kms] = await Promise.all([createDatabase(hint), startKms()])
  const keys = { current: kms.provider }
  const bare = createBareClient(database)
  const client = (extra: Partial<EnvelopeOptions> = {}): EncryptedClient =>
    extend(bare, { keys, indexKey: kms.indexKey, ...options, ...extra })
  return {
    database,
    sql: database.sql,
    kms: kms.server,
    arn: kms.arn,
    keys,
    indexKey: kms.indexKey,
    bare,
    prisma: client(),
    client,
  }
}
