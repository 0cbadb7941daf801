import { afterAll } from 'vitest'
import { adapterOf, omit, PrismaClient } from './client.ts'
import type { TestDatabase } from './database.ts'
import { type BareClient, extend, type Keys } from './encrypted-client.ts'

export interface LoggedQuery {
  readonly query: string
  /** JSON. */
  readonly params: string
}

/** A client without the extension, and the SQL that it sends. Closed when the test file ends. */
export function createLoggedClient(database: TestDatabase) {
  const client = new PrismaClient({ adapter: adapterOf(database.url), omit, log: [{ emit: 'event', level: 'query' }] })
  afterAll(() => client.$disconnect())
  const queries: LoggedQuery[] = []
  client.$on('query', ({ query, params }) => void queries.push({ query, params }))

  /** What `work` sends, with its parameters. */
  async function queriesOf(work: () => Promise<unknown>): Promise<readonly LoggedQuery[]> {
    queries.length = 0
    await work()
    // Events may come late, but not after those of a later statement.
    await client.$queryRaw`SELECT 'end of work'`
    return queries.filter(({ query }) => !query.includes('end of work'))
  }

  return {
    bare: client as unknown as BareClient,
    queriesOf,
    /** The statements that `work` sends. */
    during: async (work: () => Promise<unknown>): Promise<readonly string[]> => (await queriesOf(work)).map(({ query }) => query),
  }
}

/** {@link createLoggedClient} with the extension. */
export function createWatchedClient({ database, keys, indexKey }: Keys & { readonly database: TestDatabase }) {
  const { bare, ...log } = createLoggedClient(database)
  return { bare, prisma: extend(bare, { keys, indexKey, raw: 'allow' }), ...log }
}
