import type { KeyStore, KeyStorePlan, NewestKey, StoredKey } from 'prisma-envelope/rows'
import { arrayLiteral } from 'prisma-envelope/rows'
import { type Queryable, type TextRow, textRows } from '../database/connection.ts'
import { columnsOf, tableOf } from '../database/sql-text.ts'

/** The key store's table, by SQL. What is inserted is committed with the statement: `sql` must be in no transaction. */
export function sqlKeyStore(sql: Queryable, plan: KeyStorePlan): KeyStore {
  const c = columnsOf(plan)
  const table = tableOf(plan)
  const selected = selection(plan)
  return {
    async load(ids) {
      const rows = await textRows(sql, `SELECT ${selected} FROM ${table} WHERE ${c.id} = ANY ($1::text[])`, [
        arrayLiteral([...ids]),
      ])
      return rows.map(storedKey)
    },
    async newest(kid, identity, contextDigest): Promise<NewestKey> {
      // An erased key of the context comes before the newest one: one row says both.
      const [row] = await textRows(
        sql,
        `SELECT ${selected} FROM ${table}
         WHERE ${c.contextDigest} = $1 AND ((${c.kid} = $2 AND ${c.table} = $3) OR ${c.erasedAt} IS NOT NULL)
         ORDER BY ${c.erasedAt} DESC NULLS LAST, ${c.generation} DESC LIMIT 1`,
        [contextDigest, kid, identity],
      )
      if (row === undefined) return { erased: false }
      const key = storedKey(row)
      return key.erasedAt === null ? { key, erased: false } : { erased: true }
    },
    async insert({ id, kid, table: identity, context, contextDigest, generation, wrapped, createdAt }) {
      const rows = await textRows(
        sql,
        `INSERT INTO ${table} (${[c.id, c.kid, c.table, c.context, c.contextDigest, c.generation, c.wrapped, c.createdAt].join(', ')})
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING 1`,
        [id, kid, identity, JSON.stringify(context), contextDigest, generation, wrapped, createdAt.toISOString()],
      )
      return rows.length === 1
    },
  }
}

/** The columns of {@link storedKey}, in its order. */
export function selection(plan: KeyStorePlan): string {
  const c = columnsOf(plan)
  // The epoch of a timestamp without time zone is counted in UTC, in which Prisma writes it, whatever the session's time zone.
  const instant = (column: string): string => `floor(extract(epoch FROM ${column}) * 1000)::bigint`
  return [
    c.id,
    c.kid,
    c.table,
    c.context,
    c.contextDigest,
    c.generation,
    c.wrapped,
    instant(c.createdAt),
    instant(c.erasedAt),
  ].join(', ')
}

/** A row of {@link selection}. */
export function storedKey(row: TextRow): StoredKey {
  const [id, kid, table, context, contextDigest, generation, wrapped = null, createdAt, erasedAt] = row
  return {
    id: id as string,
    kid: kid as string,
    table: table as string,
    context: JSON.parse(context as string) as StoredKey['context'],
    contextDigest: contextDigest as string,
    generation: Number(generation),
    wrapped,
    createdAt: new Date(Number(createdAt)),
    erasedAt: erasedAt === null || erasedAt === undefined ? null : new Date(Number(erasedAt)),
  }
}

/**
 * The same key store, where new rows get keys that were made after this: the key that is found first for each KMS key, table and context counts as too old.
 * For rows that are sealed anew because somebody may have seen a branch key.
 */
export function withFreshKeys(store: KeyStore): KeyStore {
  const past = new Map<string, number>()
  return {
    ...store,
    async newest(kid, table, contextDigest) {
      const newest = await store.newest(kid, table, contextDigest)
      const { key } = newest
      const slot = JSON.stringify([kid, table, contextDigest])
      if (!past.has(slot)) past.set(slot, key?.generation ?? -1)
      const isPast = key !== undefined && key.generation <= (past.get(slot) as number)
      return isPast ? { ...newest, key: { ...key, createdAt: new Date(0) } } : newest
    },
  }
}
