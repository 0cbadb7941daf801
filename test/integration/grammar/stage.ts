import { createIndexKey, type EnvelopeOptions, type EnvelopeSettings } from 'prisma-envelope'
import { Prisma, plainSkip, skip } from '../../support/client.ts'
import { createBareClient, type EncryptedClient, extend } from '../../support/encrypted-client.ts'
import { createLoggedClient } from '../../support/query-log.ts'
import { rewriteByTurns } from '../../support/rewritten-rows.ts'
import { FROM_SEQUENCE, rememberRows, restoreRows, rowsOf } from '../../support/saved-rows.ts'
import { createTwins } from '../../support/twins.ts'
import type { Own } from './cases.ts'
import { contents, settle, TABLES } from './village.ts'

/** One of the two clients, and how to tell what it is told. */
export interface Side {
  readonly db: EncryptedClient
  readonly own: Own
}

/** An encrypted client whose rows may have been written by clients of other options than its own. */
export interface Cast {
  /** What the clients on the stage take. */
  readonly options: Partial<EnvelopeOptions>
  /** What these clients are run for. */
  readonly settings?: EnvelopeSettings
  /** What the client takes that writes all rows. */
  readonly settlers?: Partial<EnvelopeOptions>
  /** What the client takes that then writes every other row. */
  readonly movers?: Partial<EnvelopeOptions>
}

/**
 * An encrypted client, one with a single connection, and plain Prisma, on tables that hold the same rows.
 *
 * @param castOf given two keys to choose from.
 */
export async function openStage(castOf: (indexKeys: readonly [string, string]) => Cast = () => ({ options: {} })) {
  const { twin, twinNulls, sql, twinSql, database, keys, indexKey } = await createTwins('grammar')
  const { options: chosen, settings = {}, settlers, movers } = castOf([indexKey.current, await createIndexKey(keys)])
  // Without its preview feature, `Prisma.skip` stands in the runtime alone.
  const common = { keys, indexKey, raw: 'allow', Prisma: { ...Prisma, skip } } as const
  const options = { ...common, ...chosen }
  const log = createLoggedClient(database)
  const prisma = extend(log.bare, options).$envelope(settings)
  const single = extend(createBareClient(database, 1), options).$envelope(settings)
  const settler = settlers === undefined ? prisma : extend(log.bare, { ...common, ...settlers })
  await Promise.all([settle(settler, Prisma), settle(twin, twinNulls)])
  if (movers !== undefined) await rewriteByTurns(settler, extend(log.bare, { ...common, ...movers }))
  await Promise.all([sql, twinSql].map((run) => rememberRows(run, TABLES)))
  const original = await Promise.all([sql, twinSql].map((run) => rowsOf(run, TABLES)))
  return {
    encrypted: { db: prisma, own: { ...Prisma, skip } },
    single: { db: single, own: { ...Prisma, skip } },
    plain: { db: twin, own: { ...twinNulls, skip: plainSkip } },
    /** What the database of the encrypted client holds. */
    sql,
    /** What the encrypted client sends, with its parameters. */
    sentBy: async (work: () => Promise<unknown>): Promise<string> => JSON.stringify(await log.queriesOf(work)),
    /** Rows of all tables on either side, as text; undefined where they are as in the beginning. */
    async changed(): Promise<readonly string[] | undefined> {
      const now = await Promise.all([sql, twinSql].map((run) => rowsOf(run, TABLES)))
      return now.every((text, i) => text === original[i]) ? undefined : now
    },
    async restore(): Promise<void> {
      await Promise.all([sql, twinSql].map(restoreRows))
    },
  }
}

/** What both sides have to agree on: everything but ids that a sequence gave. */
export function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable)
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const drawn = key === 'id' && typeof inner === 'number' && inner >= FROM_SEQUENCE
      return [key, drawn ? 'from a sequence' : comparable(inner)]
    }),
  )
}

export async function comparableContents(db: EncryptedClient): Promise<unknown> {
  return comparable(await contents(db))
}

/** {@link comparableContents} inside a transaction, which has to look only if it has written anything. */
export async function comparableChanges(tx: EncryptedClient): Promise<unknown> {
  const [row] = await tx.$queryRaw<{ id: string | null }[]>`SELECT pg_current_xact_id_if_assigned()::text AS id`
  return row?.id === null ? 'nothing written' : comparableContents(tx)
}
