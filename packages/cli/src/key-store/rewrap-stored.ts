import { contextDigest, EnvelopeError, type KeyStorePlan, rowContext, type StoredKey } from 'prisma-envelope/rows'
import { type Patience, patiently } from '../batches/retry.ts'
import type { Finding } from '../batches/task.ts'
import { type Connection, textRows } from '../database/connection.ts'
import { columnsOf, tableOf } from '../database/sql-text.ts'
import type { KeyToMove, MovedKeys } from '../keys/moved-keys.ts'
import { selection, storedKey } from './key-store.ts'

export interface RewrapStoredOptions {
  /** The keyring's current KMS key. */
  readonly current: string
  /** Identities of the tables whose keys are moved. */
  readonly tables: readonly string[]
  /** Only keys under this KMS key. */
  readonly from: string | undefined
  /** Keys under `current` too. */
  readonly all: boolean
  readonly dryRun: boolean
  readonly moved: MovedKeys
  readonly patience: Patience
}

export interface RewrapStoredResult {
  readonly written: number
  readonly refused: number
}

const PAGE = 500
/** `unique_violation`: an application has made a key of this generation meanwhile. */
const TAKEN = '23505'

/**
 * Wraps the keys of the key store by the current KMS key. No envelope changes: rows name their key, and the store says what wraps it.
 *
 * Each key is replaced by one statement that compares its old wrapped form, so that a stop at any moment, a second run beside this one and an erasure
 * meanwhile lose nothing.
 *
 * @param found told of keys that can't be moved
 * @throws EnvelopeError what is no fault of a key: a KMS that is down or refuses.
 */
export async function rewrapStoredKeys(
  sql: Connection,
  plan: KeyStorePlan,
  options: RewrapStoredOptions,
  found: (finding: Finding) => void,
): Promise<RewrapStoredResult> {
  const { moved, patience, dryRun } = options
  const met = new Set<string>()
  let written = 0
  let refused = 0
  let after: StoredKey | undefined
  while (!patience.stop.aborted) {
    const page = await patiently(patience, () => nextPage(sql, plan, options, after))
    after = page.at(-1)
    if (after === undefined) break
    // What this run has moved stands further behind under its new generation.
    const keys = page.filter(({ id }) => !met.has(id))
    const wanted = keys.map(keyOf)
    await patiently(patience, () => moved.fetch(wanted.flatMap((key) => (key instanceof EnvelopeError ? [] : [key]))))
    for (const [i, key] of keys.entries()) {
      met.add(key.id)
      const want = wanted[i] as KeyToMove | EnvelopeError
      const outcome = want instanceof EnvelopeError ? want : moved.find(want)
      if (outcome === undefined) throw new Error('a key was neither found nor moved')
      if (outcome instanceof EnvelopeError) {
        refused += 1
        found({ model: plan.model, field: undefined, primaryKey: { id: key.id }, code: outcome.code, reason: outcome.message })
      } else if (dryRun || (await patiently(patience, () => replace(sql, plan, key, options.current, outcome)))) written += 1
    }
  }
  return { written, refused }
}

async function nextPage(
  sql: Connection,
  plan: KeyStorePlan,
  { current, from, all, tables }: RewrapStoredOptions,
  after: StoredKey | undefined,
): Promise<readonly StoredKey[]> {
  const c = columnsOf(plan)
  const under = from === undefined ? (all ? '$1::text IS NOT NULL' : `${c.kid} <> $1`) : `${c.kid} = $1`
  const rows = await textRows(
    sql,
    `SELECT ${selection(plan)} FROM ${tableOf(plan)}
     WHERE ${c.wrapped} IS NOT NULL AND ${c.erasedAt} IS NULL AND ${under} AND ${c.table} IN (SELECT json_array_elements_text($2::json))
       AND (${c.generation}, ${c.id}) > ($3::int, $4::text) ORDER BY ${c.generation}, ${c.id} LIMIT ${PAGE}`,
    [from ?? current, JSON.stringify(tables), after?.generation ?? -1, after?.id ?? ''],
  )
  return rows.map(storedKey)
}

function keyOf({ id, kid, wrapped, table, context, contextDigest: digest }: StoredKey): KeyToMove | EnvelopeError {
  try {
    if (contextDigest(context) === digest) return { forms: [[kid, wrapped as string]], context: rowContext(table, context) }
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error
  }
  return new EnvelopeError(
    'CANNOT_OPEN',
    `the context of the stored key ${id} is not that of its digest: the key store was altered`,
  )
}

/** @returns false where the key was moved or erased by somebody else */
async function replace(sql: Connection, plan: KeyStorePlan, key: StoredKey, current: string, wrapped: string): Promise<boolean> {
  const c = columnsOf(plan)
  const table = tableOf(plan)
  const generation = `CASE WHEN t.${c.kid} = $1 THEN t.${c.generation} ELSE (SELECT coalesce(max(o.${c.generation}) + 1, 0) FROM ${table} AS o
    WHERE o.${c.kid} = $1 AND o.${c.table} = t.${c.table} AND o.${c.contextDigest} = t.${c.contextDigest}) END`
  for (;;) {
    try {
      const rows = await textRows(
        sql,
        `UPDATE ${table} AS t SET ${c.kid} = $1, ${c.wrapped} = $2, ${c.generation} = ${generation}
         WHERE t.${c.id} = $3 AND t.${c.kid} = $4 AND t.${c.wrapped} = $5 RETURNING 1`,
        [current, wrapped, key.id, key.kid, key.wrapped],
      )
      return rows.length === 1
    } catch (error) {
      if ((error as { code?: unknown }).code !== TAKEN) throw error
    }
  }
}
