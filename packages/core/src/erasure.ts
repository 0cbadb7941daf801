import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isContext } from './envelope/format.ts'
import { EnvelopeError } from './errors.ts'
import { cacheLimits } from './keys/cache-limits.ts'
import { DEFAULT_DEADLINE } from './keys/deadline.ts'
import type { EncryptionContext } from './keys/key-provider.ts'
import { contextDigest } from './keys/key-store.ts'
import type { KeysOptions } from './keys/keys-options.ts'
import type { KeyStorePlan, ModelPlan, ModelsPlan, TablePlan } from './plan.ts'
import type { Erasure } from './rewrite/manual.ts'

/** A database, outside all transactions: each statement is committed when it resolves. */
export interface ErasureSql {
  /** @returns rows as arrays, every column as text. */
  query(sql: string, values: readonly string[]): Promise<readonly (readonly (string | null)[])[]>
  /** @returns how many rows it changed. */
  execute(sql: string, values: readonly string[]): Promise<number>
  /** Schema of tables that the plan gives none; absent where the connection's search path says it. */
  readonly schema?: string | undefined
}

export interface ErasureOptions {
  readonly models: ModelsPlan
  readonly keyStore: KeyStorePlan
  readonly sql: ErasureSql
  /** Milliseconds for which processes may go on using keys that they hold: until then they write rows that are erased with the others. */
  readonly keysLiveFor: number
}

/** Milliseconds for which processes with these options may hold a key of the key store. */
export function keysLiveFor(options: { cache?: KeysOptions['cache']; deadline?: number | undefined }): number {
  const { cache, deadline = DEFAULT_DEADLINE } = options
  const { maxAge, staleIfError } = cacheLimits(cache)
  return maxAge + staleIfError + deadline
}

/** Deadlocks and failed serializations, which pass. */
const PASSING: readonly string[] = ['40P01', '40001', 'P2034']
const MAX_ATTEMPTS = 10

/**
 * Erases the keys of a context, so that nothing opens its rows any more, wherever copies of them are:
 *
 * 1. refuses while rows of the context carry their key themselves, before anything is changed;
 * 2. marks the context as erased, so that no process makes a new key for it, and removes the wrapped bytes of all its keys;
 * 3. waits until no process holds one of them, and does it again for a key that was made meanwhile;
 * 4. removes the tokens of its rows, which would still tell equal values.
 *
 * Each step may be done again: an erasure that was interrupted is completed by another one.
 *
 * @throws EnvelopeError `CONFIG` for a context that no row can have; `UNSUPPORTED` while rows of it carry their key themselves.
 */
export async function eraseContext(context: EncryptionContext, options: ErasureOptions): Promise<Erasure> {
  if (!isContext(context) || Object.keys(context).length === 0)
    throw new EnvelopeError('CONFIG', 'erase needs the context whose rows are to be unreadable, such as { tenant: "42" }')
  const digest = contextDigest(context)
  await refuseInline(context, options)
  const before = await eraseKeys(context, digest, options)
  await sleep(options.keysLiveFor)
  const keys = before + (await eraseKeys(context, digest, options))
  const rows: Record<string, number> = {}
  for (const [model, plan] of Object.entries(options.models)) {
    const count = await removeTokens(plan, context, options.sql)
    if (count > 0) rows[model] = count
  }
  await refuseInline(context, options)
  return { context: { ...context }, keys, rows }
}

/** Models with rows of the context that carry their key, which the key store can't take away. */
async function refuseInline(context: EncryptionContext, { models, sql }: ErasureOptions): Promise<void> {
  for (const [model, plan] of Object.entries(models)) {
    if (plan.envelope === undefined) continue
    const envelope = `t.${quoted(plan.envelope.column)}`
    const found = await sql.query(
      `SELECT '1' FROM ${tableName(plan.table, sql)} AS t WHERE ${envelope} -> 'ctx' = $1::text::jsonb AND NOT ${envelope} ? 'bk' LIMIT 1`,
      [JSON.stringify(context)],
    )
    if (found.length > 0)
      throw new EnvelopeError(
        'UNSUPPORTED',
        'rows of this context carry their branch key themselves, where erasing the key store does not reach it: with `keyStore` in the ' +
          `configuration run \`prisma-envelope-cli rotate --reencrypt ${model}\`, then erase again; rows that were written after the erasure began, delete`,
        { model },
      )
  }
}

/**
 * Marks a context as erased in the key store, and removes the wrapped bytes of its keys.
 *
 * @returns how many keys were not erased before.
 */
async function eraseKeys(context: EncryptionContext, digest: string, { keyStore, sql }: ErasureOptions): Promise<number> {
  const table = tableName(keyStore.table, sql)
  const c = Object.fromEntries(
    Object.entries(keyStore.columns).map(([field, column]) => [field, quoted(column)]),
  ) as typeof keyStore.columns
  // A constant takes the column's type, with a time zone or without.
  const now = `'${new Date().toISOString()}'`
  // First, so that nobody makes a key that the second statement does not see.
  await sql.execute(
    `INSERT INTO ${table} (${[c.id, c.kid, c.table, c.context, c.contextDigest, c.generation, c.createdAt, c.erasedAt].join(', ')})
     VALUES ($1::text, '${TOMBSTONE_KID}', '', $2::text::jsonb, $3::text, 0, ${now}, ${now}) ON CONFLICT DO NOTHING`,
    [randomBytes(16).toString('base64url'), JSON.stringify(context), digest],
  )
  return sql.execute(
    `UPDATE ${table} SET ${c.wrapped} = NULL, ${c.erasedAt} = coalesce(${c.erasedAt}, ${now})
     WHERE ${c.contextDigest} = $1::text AND (${c.wrapped} IS NOT NULL OR ${c.erasedAt} IS NULL)`,
    [digest],
  )
}

/** Where tokens have the id of their index key, erased rows have this: no index key's, but for one in 16 million. */
export const ERASED_TOKEN_ID = 'gone'

/** Of no KMS key: a row that says that its context is erased, also where it never had a key. */
const TOMBSTONE_KID = '-'

/** NULL where the column takes it, else a random text of a token's shape, which constraints take and no search asks for. */
async function removeTokens(
  { table, columns, envelope }: ModelPlan,
  context: EncryptionContext,
  sql: ErasureSql,
): Promise<number> {
  const searchable = Object.values(columns).filter(({ encrypted }) => encrypted?.search !== undefined)
  if (envelope === undefined || searchable.length === 0) return 0
  const assignments = searchable.map(({ column, required }) => {
    const name = quoted(column)
    return `${name} = ${required === true ? RANDOM_TOKEN : 'NULL'}`
  })
  const isLeft = searchable.map(({ column, required }) => (required === true ? 'true' : `t.${quoted(column)} IS NOT NULL`))
  const text = `UPDATE ${tableName(table, sql)} AS t SET ${assignments.join(', ')}
     WHERE t.${quoted(envelope.column)} -> 'ctx' = $1::text::jsonb AND (${[...new Set(isLeft)].join(' OR ')})`
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await sql.execute(text, [JSON.stringify(context)])
    } catch (error) {
      if (!isPassing(error) || attempt === MAX_ATTEMPTS) throw error
    }
  }
}

/** PostgreSQL's `gen_random_uuid` is from its cryptographic generator; volatile, so that each row gets its own. */
const RANDOM_TOKEN = `'~${ERASED_TOKEN_ID}.' || translate(rtrim(encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64'), '='), '+/', '-_')`

function isPassing(error: unknown): boolean {
  const { code, meta } = error as { code?: unknown; meta?: { code?: unknown } }
  return PASSING.includes(String(code)) || PASSING.includes(String(meta?.code))
}

function tableName({ schema, name }: TablePlan, sql: ErasureSql): string {
  const own = schema ?? sql.schema
  return own === undefined ? quoted(name) : `${quoted(own)}.${quoted(name)}`
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
