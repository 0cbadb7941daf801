import { afterAll } from 'vitest'
import { adapterOf, omit, PrismaClient, plain } from './client.ts'
import type { TestDatabase } from './database.ts'
import { type BareClient, type EncryptedClient, extend, type Keys } from './encrypted-client.ts'

export interface LoggedQuery {
  readonly query: string
  /** JSON. */
  readonly params: string
}

interface Logged {
  $on(event: 'query', listener: (event: LoggedQuery) => void): unknown
  $queryRawUnsafe(query: string): Promise<unknown>
  $disconnect(): Promise<void>
}

const log: { emit: 'event'; level: 'query' }[] = [{ emit: 'event', level: 'query' }]

/** Closes the client when the test file ends. */
function watch(client: Logged) {
  afterAll(() => client.$disconnect())
  const queries: LoggedQuery[] = []
  client.$on('query', ({ query, params }) => void queries.push({ query, params }))

  /** What `work` sends, with its parameters. */
  async function queriesOf(work: () => Promise<unknown>): Promise<readonly LoggedQuery[]> {
    queries.length = 0
    await work()
    // Events may come late, but not after those of a later statement.
    await client.$queryRawUnsafe(`SELECT 'end of work'`)
    return queries.filter(({ query }) => !query.includes('end of work'))
  }

  return {
    queriesOf,
    /** The statements that `work` sends. */
    during: async (work: () => Promise<unknown>): Promise<readonly string[]> => (await queriesOf(work)).map(({ query }) => query),
  }
}

/** A client without the extension, and the SQL that it sends. */
export function createLoggedClient(database: TestDatabase) {
  const client = new PrismaClient({ adapter: adapterOf(database.url), omit, log })
  return { bare: client as unknown as BareClient, ...watch(client) }
}

/** Plain Prisma on a database without envelopes, and the SQL that it sends. */
export function createLoggedTwin({ twinUrl }: { readonly twinUrl: string }) {
  const client = new plain.PrismaClient({ adapter: adapterOf(twinUrl), log })
  return { twin: client as unknown as EncryptedClient, ...watch(client) }
}

/** {@link createLoggedClient} with the extension. */
export function createWatchedClient({ database, keys, indexKey }: Keys & { readonly database: TestDatabase }) {
  const { bare, ...logged } = createLoggedClient(database)
  return { bare, prisma: extend(bare, { keys, indexKey, raw: 'allow' }), ...logged }
}
