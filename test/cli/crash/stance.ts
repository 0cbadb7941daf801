import { KMSClient } from '@aws-sdk/client-kms'
import { awsKms } from '@prisma-envelope/kms/aws'
import { envelopeEncryption } from 'prisma-envelope'
import type { CliSetup } from '../../support/cli.ts'
import { adapterOf, keyStore, models, omit, Prisma, PrismaClient } from '../../support/client.ts'
import type { EncryptedClient } from '../../support/encrypted-client.ts'

/** Whether a client knows of no key store, opens rows that name a key of it, or seals rows under such keys too. */
export type KeyStoreStance = 'unknown' | 'read' | 'used'

/** What a writer writes with: a client of the extension in a mode, or one that knows nothing of it. */
export interface Stance {
  readonly as: 'unextended' | 'plain' | 'dual' | 'strict'
  /** Key name to ARN, the current one first. */
  readonly keys: CliSetup['keys']
  /** The current one first. */
  readonly indexKeys: CliSetup['indexKeys']
  readonly keyStore: KeyStoreStance
  /** Whether rows are sealed that a client without the extension can't read. */
  readonly sealed: boolean
}

/** Where to find what all writers share; can be sent to another process. */
export interface Place {
  readonly databaseUrl: string
  readonly kms: Pick<CliSetup['kms'], 'url' | 'region' | 'credentials'>
}

export type Db = Pick<EncryptedClient, 'patient' | 'condition' | 'member' | 'tenant'>

export interface OpenClient {
  readonly db: Db
  close(): Promise<void>
}

/** A busy machine must not end transactions: Prisma's own limits are none of what is tested. */
const transactionOptions = { maxWait: 120_000, timeout: 120_000 }
const POOL = 4

/** A client of its own, with caches of its own. */
export function openClient({ databaseUrl, kms }: Place, { as, keys, indexKeys, keyStore: store }: Stance): OpenClient {
  const bare = new PrismaClient({ adapter: adapterOf(databaseUrl, POOL), omit, transactionOptions })
  if (as === 'unextended') {
    const db: unknown = bare
    // But for the envelope, which the encrypted client's types hide, the two have the same types.
    return { db: db as Db, close: () => bare.$disconnect() }
  }
  const client = new KMSClient({ endpoint: kms.url, region: kms.region, credentials: { ...kms.credentials } })
  const [current, ...others] = Object.entries(keys).map(([name, keyId]) => awsKms({ name, keyId, client }))
  const [currentIndex, ...otherIndexes] = indexKeys
  if (current === undefined || currentIndex === undefined) throw new Error('no keys')
  const db = bare.$extends(
    envelopeEncryption({
      Prisma,
      models,
      mode: as,
      keys: { current, others },
      indexKey: { current: currentIndex, others: otherIndexes },
      ...(store !== 'unknown' && { keyStore, wrap: store === 'used' ? 'stored' : 'branch' }),
      // Every foreign write is one that the test means.
      onForeignWrite: () => {},
      deadline: 60_000,
    }),
  )
  return {
    db,
    close: async () => {
      await bare.$disconnect()
      client.destroy()
    },
  }
}
