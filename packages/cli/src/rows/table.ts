import {
  type BoundValue,
  bindValue,
  type ColumnPlan,
  type ColumnText,
  compileColumnText,
  fieldSetId,
  type ModelPlan,
  type ModelsPlan,
  type SearchPlan,
} from 'prisma-envelope/rows'
import { type Queryable, textRows } from '../database/connection.ts'
import { literal, quoted, tableOf } from '../database/sql-text.ts'
import { UsageError } from '../usage-error.ts'

export interface Column {
  /** Prisma's name. */
  readonly name: string
  readonly plan: ColumnPlan
  /** Quoted. */
  readonly sql: string
  /** The database's own type, with its modifiers, as a cast takes it. */
  readonly type: string
  /** Whether the database allows no NULL. */
  readonly notNull: boolean
  readonly text: ColumnText
}

export interface Field extends Column {
  readonly identity: string
  readonly search: SearchPlan | undefined
  /** The placeholder as PostgreSQL reads it. */
  readonly placeholder: string
}

/** An encrypted model, with what the database says of its table. */
export interface Table {
  readonly model: string
  readonly plan: ModelPlan
  /** Quoted, with its schema. */
  readonly sql: string
  /** Table identity, which stored bytes are bound to. */
  readonly identity: string
  /** What rows are paged and named by: the primary key, or a unique key without NULLs. */
  readonly key: readonly Column[]
  /** Quoted. */
  readonly envelope: string
  readonly fields: readonly Field[]
  readonly bound: readonly Column[]
  /** Field-set id of a record that holds all encrypted fields. */
  readonly fieldSet: string
}

interface CatalogColumn {
  readonly type: string
  readonly notNull: boolean
}

/** The encrypted models of the plan that `names` select (all, if none is given), as far as the plan tells. */
export function selectedModels(models: ModelsPlan, names: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const encrypted = Object.entries(models).filter(([, plan]) => plan.envelope !== undefined)
  const chosen = new Map<string, Set<string>>()
  for (const name of names) {
    const [modelName = '', fieldName, ...rest] = name.split('.')
    const fields = encryptedFields(encrypted.find(([model]) => model === modelName)?.[1])
    if (fields === undefined || rest.length > 0)
      throw new UsageError(`${name} is no model with encrypted fields; there are ${encrypted.map(([model]) => model).join(', ')}`)
    if (fieldName !== undefined && !fields.includes(fieldName))
      throw new UsageError(`${name} is no encrypted field; ${modelName} has ${fields.join(', ')}`)
    const known = chosen.get(modelName) ?? new Set()
    for (const field of fieldName === undefined ? fields : [fieldName]) known.add(field)
    chosen.set(modelName, known)
  }
  return names.length > 0 ? chosen : new Map(encrypted.map(([model, plan]) => [model, new Set(encryptedFields(plan))]))
}

function encryptedFields(plan: ModelPlan | undefined): string[] | undefined {
  if (plan?.envelope === undefined) return undefined
  return Object.entries(plan.columns).flatMap(([name, column]) => (column.encrypted === undefined ? [] : [name]))
}

/**
 * Compares a model's plan with the database's catalog.
 *
 * @throws UsageError for a table or column that is missing, or a model without a key to page by: before anything is changed.
 */
export async function inspectTable(sql: Queryable, model: string, plan: ModelPlan): Promise<Table> {
  const { envelope } = plan
  if (envelope === undefined) throw new TypeError(`${model} has no encrypted fields`)
  const name = tableOf(plan)
  const catalog = await columnsOf(sql, name)
  if (catalog.size === 0) throw new UsageError(`${model}: the database has no table ${name}: apply your migrations first`)
  const column = (field: string): Column => {
    const columnPlan = plan.columns[field] as ColumnPlan
    const found = catalog.get(columnPlan.column)
    if (found === undefined)
      throw new UsageError(
        `${model}.${field}: the table ${name} has no column ${quoted(columnPlan.column)}: apply your migrations, or run \`prisma generate\``,
      )
    return { name: field, plan: columnPlan, sql: quoted(columnPlan.column), ...found, text: compileColumnText(columnPlan) }
  }
  const envelopeColumn = column(envelope.field)
  if (envelopeColumn.type !== 'jsonb')
    throw new UsageError(`${model}.${envelope.field}: its column must be of type jsonb, not ${envelopeColumn.type}`)
  const fields = Object.entries(plan.columns).flatMap(([field, { encrypted, list }]): Field[] => {
    if (encrypted === undefined) return []
    const known = column(field)
    const placeholder = known.text.print(list === true ? [] : encrypted.placeholder)
    return [{ ...known, identity: encrypted.identity, search: encrypted.search, placeholder }]
  })
  return {
    model,
    plan,
    sql: name,
    identity: plan.table.identity,
    key: keyOf(plan).map(column),
    envelope: envelopeColumn.sql,
    fields,
    bound: envelope.bind.map(column),
    fieldSet: fieldSetId(fields.map(({ identity }) => identity)),
  }

  function keyOf({ primaryKey, uniques, columns }: ModelPlan): readonly string[] {
    if (primaryKey.length > 0) return primaryKey
    const usable = uniques.find(({ fields: names }) =>
      names.every((field) => columns[field]?.required === true && columns[field].encrypted === undefined),
    )
    if (usable !== undefined) return usable.fields
    throw new UsageError(
      `${model}: it has no primary key and no unique key of columns that are required and not encrypted: add one to move its rows`,
    )
  }
}

/** The columns of a table by name; none where there is no such table. */
export async function columnsOf(sql: Queryable, table: string): Promise<ReadonlyMap<string, CatalogColumn>> {
  const rows = await textRows(
    sql,
    `SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_attribute a
     WHERE a.attrelid = to_regclass(${literal(table)}) AND a.attnum > 0 AND NOT a.attisdropped`,
  )
  return new Map(rows.map(([column, type, notNull]) => [column as string, { type: type as string, notNull: notNull === 't' }]))
}

/** The bound values of a row, from its columns' texts. */
export function bindingOf(table: Table, texts: readonly (string | null)[]): readonly BoundValue[] {
  return table.bound.map(({ plan, text }, i) => {
    const held = texts[i] ?? null
    return bindValue(plan, held === null ? null : text.read(held))
  })
}

/** The SQL condition that a column holds what the extension would write for a value that is not null. `alias` is the table's. */
export function looksSealed({ sql, type, search, placeholder, plan }: Field, alias = 't'): string {
  if (search !== undefined) return `${alias}.${sql}::text ~ ${literal(TOKEN)}`
  const cast = plan.list !== true && type === 'json' ? 'jsonb' : 'text'
  return `${alias}.${sql}::${cast} = ${literal(placeholder)}::${type}::${cast}`
}

/** Char(n) pads what it holds. */
const TOKEN = '^~[A-Za-z0-9_-]{4}\\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048] *$'
