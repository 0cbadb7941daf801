import { type EncryptionContext, type KeyStorePlan, type ModelPlan, rowContext } from 'prisma-envelope/rows'
import { type Queryable, textRows } from '../database/connection.ts'
import { columnsOf, literal, quoted, tableOf } from '../database/sql-text.ts'
import type { Examined } from './catalog.ts'

/** Which keys the rows of a table were sealed and indexed under. */
export interface StoredKeys {
  /** Rows that were looked at. */
  readonly rows: number
  /** Percent of the table that was looked at. */
  readonly percent: number
  /** Rows by the names of the KMS keys that can unwrap theirs; undefined for an envelope without a name. */
  readonly byKeys: readonly { readonly kids: readonly string[] | undefined; readonly rows: number }[]
  /** Rows that name a key of the key store: those whose key is there, erased, or missing. */
  readonly named: { readonly there: number; readonly erased: number; readonly missing: number }
  /** Rows by field and index key id of the token. */
  readonly byIndexKey: readonly { readonly field: string; readonly id: string; readonly rows: number }[]
}

/** How many rows of a huge table are a sample. */
const SAMPLE_ROWS = 20_000

/** Looks through a table once. */
export async function storedKeys(
  sql: Queryable,
  { plan, catalog, tokens }: Examined,
  estimate: boolean,
  keyStore?: KeyStorePlan,
): Promise<StoredKeys> {
  const percent = estimate ? await samplePercent(sql, catalog.relation) : 100
  const envelope = `t.${quoted((plan.envelope as NonNullable<ModelPlan['envelope']>).column)}`
  const store = keyStore && columnsOf(keyStore)
  const named = `CASE WHEN ${envelope} ? 'bk' THEN ${store === undefined ? "'missing'" : `CASE WHEN s.${store.id} IS NULL THEN 'missing' WHEN s.${store.wrapped} IS NULL THEN 'erased' ELSE 'there' END`} END`
  const kids = `CASE WHEN ${envelope} IS NULL THEN NULL
    WHEN ${envelope} ? 'bk' THEN ${store === undefined ? 'NULL' : `CASE WHEN s.${store.wrapped} IS NOT NULL THEN jsonb_build_array(s.${store.kid}) END`}
    WHEN jsonb_typeof(${envelope} -> 'wk') = 'array' THEN (SELECT jsonb_agg(pair -> 0) FROM jsonb_array_elements(${envelope} -> 'wk') AS pair)
    ELSE jsonb_build_array(${envelope} -> 'kid') END`
  const ids = tokens.map((column) => `substring(t.${quoted(column)}::text FROM '^~([A-Za-z0-9_-]{4})[.][A-Za-z0-9_-]{43} *$')`)
  const places = [kids, named, ...ids].map((_, i) => i + 1).join(', ')
  const sample = percent < 100 ? ` TABLESAMPLE SYSTEM (${percent})` : ''
  const join = keyStore && store ? ` LEFT JOIN ${tableOf(keyStore)} AS s ON s.${store.id} = ${envelope} ->> 'bk'` : ''
  const groups = await textRows(
    sql,
    `SELECT ${[kids, named, ...ids].join(', ')}, count(*) FROM ${tableOf(plan)} AS t${sample}${join} GROUP BY ${places}`,
  )
  const byName = { there: 0, erased: 0, missing: 0 }
  const byKeys = new Map<string, number>()
  const byIndexKey = new Map<string, number>()
  let rows = 0
  for (const group of groups) {
    const count = Number(group.at(-1))
    rows += count
    const [held = null, name = null] = group
    if (held !== null) byKeys.set(held, (byKeys.get(held) ?? 0) + count)
    if (name !== null) byName[name as keyof typeof byName] += count
    tokens.forEach((column, i) => {
      const id = group[i + 2] ?? null
      if (id !== null) byIndexKey.set(`${id}${column}`, (byIndexKey.get(`${id}${column}`) ?? 0) + count)
    })
  }
  const fieldOf = (column: string): string =>
    Object.entries(plan.columns).find(([, known]) => known.column === column)?.[0] ?? column
  return {
    rows,
    percent,
    named: byName,
    byKeys: [...byKeys].map(([names, count]) => ({ kids: kidsOf(names), rows: count })),
    byIndexKey: [...byIndexKey].map(([key, count]) => ({ id: key.slice(0, 4), field: fieldOf(key.slice(4)), rows: count })),
  }
}

/** Anything can stand in a database: what is no name of a key is not printed either. */
function kidsOf(json: string): readonly string[] | undefined {
  const names = JSON.parse(json) as unknown[]
  const isName = (name: unknown): name is string => typeof name === 'string' && /^[A-Za-z0-9._-]{1,32}$/.test(name)
  return names.length > 0 && names.every(isName) ? names : undefined
}

async function samplePercent(sql: Queryable, relation: string): Promise<number> {
  // Of a partitioned table as far as it was analyzed; a table that is not partitioned has itself alone in its tree.
  const [row] = await textRows(
    sql,
    `SELECT sum(greatest(c.reltuples, 0)) FROM pg_class c
     WHERE c.oid = ${relation} OR c.oid IN (SELECT relid FROM pg_partition_tree(${relation}) WHERE isleaf)`,
  )
  const rows = Number(row?.[0] ?? 0)
  return rows <= SAMPLE_ROWS ? 100 : Math.max(0.001, (100 * SAMPLE_ROWS) / rows)
}

/** A wrapped key of some row, and the context that it was wrapped under. */
export interface WrappedKey {
  readonly kid: string
  readonly wrapped: string
  readonly context: EncryptionContext
}

/** One row's key, wrapped by the KMS key of this name; undefined where no row has one. */
export async function wrappedKeyOf(sql: Queryable, plan: ModelPlan, kid: string): Promise<WrappedKey | undefined> {
  const envelope = `t.${quoted((plan.envelope as NonNullable<ModelPlan['envelope']>).column)}`
  const [row] = await textRows(
    sql,
    `SELECT ${envelope} FROM ${tableOf(plan)} AS t
     WHERE (${envelope} ->> 'kid' = ${literal(kid)} AND jsonb_typeof(${envelope} -> 'wk') = 'string')
        OR ${envelope} -> 'wk' @> ${literal(JSON.stringify([[kid]]))}::jsonb LIMIT 1`,
  )
  if (row === undefined) return undefined
  const { wk, ctx } = JSON.parse(row[0] as string) as { wk: string | [string, string][]; ctx?: EncryptionContext }
  const wrapped = typeof wk === 'string' ? wk : (wk.find(([name]) => name === kid)?.[1] ?? '')
  return { kid, wrapped, context: rowContext(plan.table.identity, ctx) }
}
