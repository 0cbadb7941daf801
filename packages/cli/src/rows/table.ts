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
import type { Queryable } from '../database/connection.ts'
import { literal, quoted } from '../database/sql-text.ts'
import { UsageError } from '../usage-error.ts'
import { findRelation, type Relation } from './relation.ts'

export interface Column {
  /** Prisma's name. */
  readonly name: string
  readonly plan: ColumnPlan
  /** Quoted. */
  readonly sql: string
  /** The database's own type, with its modifiers, as a cast takes it. */
  readonly type: string
  /** Whether the database computes it. */
  readonly isGenerated: boolean
  /** Whether the database allows no NULL. */
  readonly notNull: boolean
  readonly text: ColumnText
}

export interface Field extends Column {
  readonly identity: string
  readonly search: SearchPlan | undefined
  /** The placeholder as PostgreSQL reads it. */
  readonly placeholder: string
  /** JSON of the placeholder as it reads back: padded by Char, rounded by Decimal, cut to its time by Time. */
  readonly returnedPlaceholder: string
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
  const relation = await findRelation(sql, model, plan)
  const { name, columns: catalog } = relation
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
    const returnedPlaceholder = JSON.stringify(list === true ? [] : known.text.parse(placeholder, true))
    return [{ ...known, identity: encrypted.identity, search: encrypted.search, placeholder, returnedPlaceholder }]
  })
  return {
    model,
    plan,
    sql: name,
    identity: plan.table.identity,
    key: keyOf(plan, relation).map(column),
    envelope: envelopeColumn.sql,
    fields,
    bound: envelope.bind.map(column),
    fieldSet: fieldSetId(fields.map(({ identity }) => identity)),
  }

  /** The primary key or another unique key: one that the database knows to be unique, too. */
  function keyOf({ primaryKey, uniques, columns }: ModelPlan, { uniqueKeys }: Relation): readonly string[] {
    const isUnique = (names: readonly string[]): boolean =>
      names.length > 0 &&
      names.every(
        (field) => columns[field]?.encrypted === undefined && catalog.get(columns[field]?.column ?? '')?.notNull === true,
      ) &&
      uniqueKeys.some((key) => key.every((name) => names.some((field) => columns[field]?.column === name)))
    const found = [primaryKey, ...uniques.map(({ fields: names }) => names)].find(isUnique)
    if (found !== undefined) return found
    throw new UsageError(
      `${model}: the table ${name} has no primary key, and no unique key of the schema whose columns are NOT NULL and not encrypted: add one to move its rows`,
    )
  }
}

/** The bound values of a row, from its columns' texts. */
export function bindingOf(table: Table, texts: readonly (string | null)[]): readonly BoundValue[] {
  return table.bound.map(({ plan, text }, i) => {
    const held = texts[i] ?? null
    return bindValue(plan, held === null ? null : text.read(held))
  })
}

/**
 * The SQL condition that a column holds what the extension would write for a value that is not null. A text may hold its placeholder or a token, whichever
 * its annotation asks for now: rows stay as they are when `searchable` is added or taken away. `alias` is the table's.
 */
export function looksSealed(field: Field, alias = 't'): string {
  const { sql, type, placeholder, plan } = field
  const cast = plan.list !== true && type === 'json' ? 'jsonb' : 'text'
  const isPlaceholder = `${alias}.${sql}::${cast} = ${literal(placeholder)}::${type}::${cast}`
  if (!mayHoldToken(field)) return isPlaceholder
  // What is likely comes first: the last pass over a table asks this of every row.
  const either = [isPlaceholder, looksLikeToken(field, alias)]
  return `(${(field.search === undefined ? either : either.toReversed()).join(' OR ')})`
}

/** The SQL condition that a column of text holds a token. */
export function looksLikeToken({ sql }: Field, alias = 't'): string {
  return `${alias}.${sql}::text ~ ${literal(TOKEN)}`
}

export function mayHoldToken({ plan }: Pick<Field, 'plan'>): boolean {
  return plan.type === 'String' && plan.list !== true
}

/** Char(n) pads what it holds. */
const TOKEN = '^~[A-Za-z0-9_-]{4}\\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048] *$'
