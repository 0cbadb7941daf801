import type { ModelPlan } from 'prisma-envelope/rows'
import { type Queryable, textRows } from '../database/connection.ts'
import { literal, quoted, tableOf } from '../database/sql-text.ts'
import { UsageError } from '../usage-error.ts'

/** What the database's catalog says of a model's table. */
export interface Relation {
  /** Quoted, with its schema, whatever the search path. */
  readonly name: string
  readonly columns: ReadonlyMap<string, CatalogColumn>
  /** Column names of the primary key and of each unique index that covers all rows. */
  readonly uniqueKeys: readonly (readonly string[])[]
}

interface CatalogColumn {
  readonly type: string
  readonly notNull: boolean
  readonly isGenerated: boolean
}

/** `pg_class.relkind`, of what is no table. */
const NO_TABLES: Readonly<Record<string, string>> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
}

/** @throws UsageError for what is missing, and for what rows can't be paged and locked in. */
export async function findRelation(sql: Queryable, model: string, plan: ModelPlan): Promise<Relation> {
  const wanted = tableOf(plan)
  const [found] = await textRows(
    sql,
    `SELECT c.oid, n.nspname, c.relname, c.relkind, row_security_active(c.oid),
       EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhparent, i.inhrelid) AND c.relkind = 'r' AND NOT c.relispartition)
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(${literal(wanted)})`,
  )
  if (found === undefined) throw new UsageError(`${model}: the database has no table ${wanted}: apply your migrations first`)
  const [oid, schema, table, kind, isFiltered, inherits] = found as readonly string[]
  const name = `${quoted(schema as string)}.${quoted(table as string)}`
  const noTable = NO_TABLES[kind as string]
  if (noTable !== undefined)
    throw new UsageError(`${model}: ${name} is ${noTable}: run this on the database that holds its table`)
  if (inherits === 't')
    throw new UsageError(
      `${model}: ${name} takes part in table inheritance, under which no key names a row: move its rows by hand`,
    )
  if (isFiltered === 't')
    throw new UsageError(
      `${model}: row-level security may hide rows of ${name} from this user: use the table's owner, or a user with BYPASSRLS`,
    )
  const [columns, keys] = await Promise.all([
    textRows(
      sql,
      `SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated <> '' FROM pg_attribute a
       WHERE a.attrelid = ${oid} AND a.attnum > 0 AND NOT a.attisdropped`,
    ),
    textRows(
      sql,
      `SELECT json_agg(a.attname) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
       WHERE i.indrelid = ${oid} AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL GROUP BY i.indexrelid`,
    ),
  ])
  return {
    name,
    columns: new Map(
      columns.map(([column, type, notNull, isGenerated]) => [
        column as string,
        { type: type as string, notNull: notNull === 't', isGenerated: isGenerated === 't' },
      ]),
    ),
    uniqueKeys: keys.map(([names]) => JSON.parse(names as string) as string[]),
  }
}
