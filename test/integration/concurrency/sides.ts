import type { EnvelopeOptions } from 'prisma-envelope'
import { expect } from 'vitest'
import { adapterOf, omit, PrismaClient, plain } from '../../support/client.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { createBareClient, extend } from '../../support/encrypted-client.ts'
import { startKms, type TestKms } from '../../support/kms.ts'
import type { Client } from './attempts.ts'
import { type Open, opening, openPlain, type Transition, transitionsOf } from './history.ts'
import { populate } from './population.ts'
import { watch } from './witness.ts'

/** Longer than any storm takes: Prisma's own limits are none of what is tested. */
const transactionOptions = { maxWait: 300_000, timeout: 300_000 }

/** A client on tables of its own that the database keeps the history of. */
export interface Side {
  readonly database: TestDatabase
  readonly client: Client
  /** The history so far. */
  history(): Promise<readonly Transition[]>
  /** Closes the client; gives how many deadlocks PostgreSQL has ended since the tables were made. */
  close(): Promise<number>
}

export async function encryptedSide(
  poolSize: number,
  options: Partial<EnvelopeOptions> = {},
): Promise<Side & { readonly kms: TestKms }> {
  const [database, kms] = await Promise.all([createDatabase('storm'), startKms()])
  const common = { keys: { current: kms.provider }, indexKey: kms.indexKey, raw: 'allow' } as const
  const bare = new PrismaClient({ adapter: adapterOf(database.url, poolSize), omit, transactionOptions })
  // Another client, with no key at hand, opens what the first one has sealed.
  const cold = extend(createBareClient(database, 1), common)
  return { ...(await sideOf(database, extend(bare, { ...common, ...options }), opening(cold), () => bare.$disconnect())), kms }
}

export async function plainSide(poolSize: number): Promise<Side> {
  const database = await createDatabase('storm_plain', 'plain')
  const client = new plain.PrismaClient({ adapter: adapterOf(database.url, poolSize), transactionOptions })
  const seen: unknown = client
  // But for the envelope, which the encrypted client's types hide, the two have the same types.
  return sideOf(database, seen as Client, openPlain, () => client.$disconnect())
}

async function sideOf(database: TestDatabase, client: Client, open: Open, disconnect: () => Promise<void>): Promise<Side> {
  const versions = await watch(database)
  await noticeDeadlocksSoon(database)
  await populate(client)
  return {
    database,
    client,
    history: async () => transitionsOf(await versions(), open),
    close: async () => {
      await disconnect()
      // A session hands its statistics in when it ends.
      await expect.poll(() => sessionsOf(database), { timeout: 30_000 }).toEqual([])
      const [found] = await database.sql<{ deadlocks: number }>(
        `SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()`,
      )
      return found?.deadlocks ?? Number.NaN
    },
  }
}

/** A second for each deadlock is what a storm would mostly be made of. */
async function noticeDeadlocksSoon({ sql }: TestDatabase): Promise<void> {
  await sql(`
    DO $$ BEGIN
      EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = %L', current_database(), '50ms');
    END $$`)
}

/** What the sessions of Prisma Client on a database are doing. */
export async function sessionsOf({ sql }: TestDatabase): Promise<readonly string[]> {
  const rows = await sql<{ state: string }>(
    `SELECT state FROM pg_stat_activity WHERE datname = current_database() AND application_name NOT LIKE 'postgres%' AND backend_type = 'client backend'`,
  )
  return rows.map(({ state }) => state)
}
