import type { ModelPlan } from 'prisma-envelope/rows'
import { type Queryable, textRows } from '../database/connection.ts'
import { literal, tableOf } from '../database/sql-text.ts'

export interface CatalogColumn {
  readonly number: number
  readonly name: string
  /** With its modifiers, as a cast takes it. */
  readonly type: string
  /** The type's name below domains and arrays. */
  readonly base: string
  readonly isEnum: boolean
  readonly isList: boolean
  readonly notNull: boolean
  readonly default: string | undefined
}

/** What the database's catalog says of a model's table. */
export interface Catalog {
  /** The table as a regclass: a constant of SQL. */
  readonly relation: string
  readonly columns: ReadonlyMap<string, CatalogColumn>
}

/** Undefined where there is no such table. */
export async function catalogOf(sql: Queryable, plan: ModelPlan): Promise<Catalog | undefined> {
  const relation = `${literal(tableOf(plan))}::regclass`
  const [kind] = await textRows(sql, `SELECT relkind FROM pg_class WHERE oid = to_regclass(${literal(tableOf(plan))})`)
  if (kind?.[0] !== 'r' && kind?.[0] !== 'p') return undefined
  const rows = await textRows(
    sql,
    `SELECT a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), e.typname, e.typtype = 'e', b.typcategory = 'A', a.attnotnull,
            CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END
     FROM pg_attribute a
     JOIN pg_type t ON t.oid = a.atttypid
     JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
     JOIN pg_type e ON e.oid = CASE WHEN b.typcategory = 'A' THEN b.typelem ELSE b.oid END
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = ${relation} AND a.attnum > 0 AND NOT a.attisdropped`,
  )
  const columns = rows.map(([number, name, type, base, isEnum, isList, notNull, value]): [string, CatalogColumn] => [
    name as string,
    {
      number: Number(number),
      name: name as string,
      type: type as string,
      base: base as string,
      isEnum: isEnum === 't',
      isList: isList === 't',
      notNull: notNull === 't',
      default: value ?? undefined,
    },
  ])
  return { relation, columns: new Map(columns) }
}

/** A model's table, as far as both the plan and the database have it. */
export interface Examined {
  readonly model: string
  readonly plan: ModelPlan
  readonly catalog: Catalog
  /** Names of the encrypted columns that are there, those of searchable fields apart. */
  readonly placeholders: readonly string[]
  readonly tokens: readonly string[]
  readonly bound: readonly string[]
}

export function examined(model: string, plan: ModelPlan, catalog: Catalog): Examined {
  const encrypted = Object.values(plan.columns).filter(
    (column) => column.encrypted !== undefined && catalog.columns.has(column.column),
  )
  return {
    model,
    plan,
    catalog,
    placeholders: encrypted.filter((column) => column.encrypted?.search === undefined).map(({ column }) => column),
    tokens: encrypted.filter((column) => column.encrypted?.search !== undefined).map(({ column }) => column),
    bound: (plan.envelope?.bind ?? []).flatMap((field) => {
      const column = plan.columns[field]?.column
      return column !== undefined && catalog.columns.has(column) ? [column] : []
    }),
  }
}

/** Numbers of columns, as an SQL constant. */
export function numbersOf({ catalog }: Examined, columns: readonly string[]): string {
  return `'{${columns.map((name) => catalog.columns.get(name)?.number ?? 0).join(',')}}'::int2[]`
}
