import { type ColumnPlan, compileColumnText, type Json, type ModelPlan } from 'prisma-envelope/rows'
import { type Queryable, textRows } from '../database/connection.ts'
import { literal, quoted, tableOf } from '../database/sql-text.ts'
import { guardsOf } from '../guards/guard.ts'
import type { Catalog, CatalogColumn } from './catalog.ts'
import type { Diagnosis } from './diagnosis.ts'

/** Types that a Prisma type has where the schema names no native one. */
const DEFAULT_TYPES: Readonly<Record<Exclude<ColumnPlan['type'], 'Enum'>, string>> = {
  String: 'text',
  Int: 'int4',
  BigInt: 'int8',
  Float: 'float8',
  Decimal: 'numeric',
  Boolean: 'bool',
  DateTime: 'timestamp',
  Json: 'jsonb',
  Bytes: 'bytea',
}

/** Prisma's native types whose names are not PostgreSQL's own in lower case. */
const NATIVE_TYPES: Readonly<Record<string, string>> = {
  Char: 'bpchar',
  SmallInt: 'int2',
  Integer: 'int4',
  BigInt: 'int8',
  Real: 'float4',
  DoublePrecision: 'float8',
  Decimal: 'numeric',
  Boolean: 'bool',
}

const TEXTS = new Set(['text', 'varchar', 'bpchar', 'citext'])

/** Any token: all have the same length and alphabet. */
const SAMPLE_TOKEN = `~AAAA.${'A'.repeat(43)}`

/** Compares a model's columns with the database's. */
export async function columnFindings(
  sql: Queryable,
  model: string,
  plan: ModelPlan,
  catalog: Catalog,
): Promise<readonly Diagnosis[]> {
  const findings: Diagnosis[] = []
  const { envelope } = plan
  if (envelope === undefined) return []
  const needed = new Set([
    ...Object.keys(plan.columns).filter((name) => plan.columns[name]?.encrypted !== undefined),
    ...envelope.bind,
    ...plan.primaryKey,
  ])
  const guards = guardsOf(plan, needed)
  for (const field of needed) {
    const column = plan.columns[field] as ColumnPlan
    const found = catalog.columns.get(column.column)
    if (found === undefined) {
      findings.push(missing(model, plan, field, column.column))
      continue
    }
    const place = { model, field }
    if (!isOfType(column, found))
      findings.push({
        severity:
          TEXTS.has(found.base) && column.type === 'String' && found.isList === (column.list === true) ? 'warning' : 'error',
        code: 'TYPE_DIFFERS',
        ...place,
        meaning: `the column is of type ${found.type}, the schema says ${typeName(column)}`,
        remedy:
          'change the column by a migration, or the schema, and run `prisma generate`; if rows are encrypted, see what the generator says',
      })
    if (column.encrypted === undefined) continue
    const condition = guards.find((guard) => guard.field === field)?.condition ?? 'true'
    if (!(await canHold(sql, column, found, condition)))
      findings.push(
        column.encrypted.search === undefined
          ? {
              severity: 'error',
              code: 'PLACEHOLDER_REFUSED',
              ...place,
              meaning: `the column's type ${found.type} does not take the placeholder ${JSON.stringify(column.encrypted.placeholder)} as it is`,
              remedy: 'name another by @encrypted(placeholder: …), or change the column',
            }
          : {
              severity: 'error',
              code: 'TOO_NARROW',
              ...place,
              meaning: `the column's type ${found.type} has no room for a token of 49 characters`,
              remedy: 'widen the column to @db.VarChar(49) or more, or to @db.Text, by a migration',
            },
      )
    findings.push(...nullFindings(place, column, found), ...defaultFindings(place, column, found))
  }
  findings.push(...envelopeFindings(model, plan, catalog))
  return findings
}

function missing(model: string, plan: ModelPlan, field: string, column: string): Diagnosis {
  return {
    severity: 'error',
    code: 'COLUMN_MISSING',
    model,
    field,
    meaning: `the table ${tableOf(plan)} has no column ${quoted(column)}`,
    remedy: 'apply your migrations, or run `prisma generate` if the schema is older than the database',
  }
}

function envelopeFindings(model: string, plan: ModelPlan, catalog: Catalog): readonly Diagnosis[] {
  const { field, column } = plan.envelope as NonNullable<ModelPlan['envelope']>
  const found = catalog.columns.get(column)
  if (found === undefined) return [missing(model, plan, field, column)]
  if (found.type !== 'jsonb')
    return [
      {
        severity: 'error',
        code: 'ENVELOPE_TYPE',
        model,
        field,
        meaning: `the envelope's column is of type ${found.type}: updates compare what stands in it, which needs jsonb`,
        remedy: 'change the column to jsonb by a migration',
      },
    ]
  if (!found.notNull) return []
  return [
    {
      severity: 'warning',
      code: 'ENVELOPE_NOT_NULL',
      model,
      field,
      meaning: "the envelope's column is NOT NULL: the mode `plain` and `decrypt` can't clear it",
      remedy: 'drop NOT NULL, and let `guard` require the envelope instead: that can be taken back as a whole',
    },
  ]
}

function nullFindings(
  place: { model: string; field: string },
  { required, list }: ColumnPlan,
  { notNull }: CatalogColumn,
): readonly Diagnosis[] {
  // Prisma has lists required always, and lets their columns be NULL.
  if (list === true || (required === true) === notNull) return []
  return [
    notNull
      ? {
          severity: 'error',
          code: 'NOT_NULL',
          ...place,
          meaning: 'the field is optional, but its column is NOT NULL: writes of null are refused',
          remedy: 'drop NOT NULL by a migration, or make the field required',
        }
      : {
          severity: 'warning',
          code: 'NULLABLE',
          ...place,
          meaning: 'the field is required, but its column takes NULL',
          remedy: 'set NOT NULL by a migration, or make the field optional',
        },
  ]
}

function defaultFindings(place: { model: string; field: string }, plan: ColumnPlan, column: CatalogColumn): readonly Diagnosis[] {
  if (column.default === undefined || /^NULL\b/i.test(column.default)) return []
  const isKnown = plan.default !== undefined
  return [
    {
      severity: isKnown ? 'note' : 'warning',
      code: 'DEFAULT',
      ...place,
      meaning: `the column has a default in the database, which puts plaintext into rows that something else than the extension inserts${isKnown ? '' : '; the schema knows nothing of it'}`,
      remedy: isKnown
        ? 'nothing, where all writers use the extension, which applies the default itself; `guard` lets the database refuse such rows'
        : 'drop the default (ALTER TABLE … ALTER COLUMN … DROP DEFAULT), or give the schema a @default, which the extension applies itself',
    },
  ]
}

/** Whether a column of this type takes what is to be written, and gives it back: the guard's own condition decides. */
async function canHold(sql: Queryable, plan: ColumnPlan, column: CatalogColumn, condition: string): Promise<boolean> {
  const { encrypted, list } = plan
  const written =
    encrypted?.search === undefined
      ? compileColumnText(plan).print(list === true ? [] : (encrypted?.placeholder as Json))
      : SAMPLE_TOKEN
  try {
    const [row] = await textRows(
      sql,
      `SELECT ${condition} FROM (SELECT CAST(${literal(written)} AS ${column.type}) AS ${quoted(column.name)}) AS t`,
    )
    return row?.[0] === 't'
  } catch (error) {
    // Classes 22, 23 and 42: the value, a domain's check, or an operator that the type does not have.
    if (/^(22|23|42)/.test(String((error as { code?: unknown }).code))) return false
    throw error
  }
}

function isOfType(plan: ColumnPlan, found: CatalogColumn): boolean {
  if (found.isList !== (plan.list === true)) return false
  return plan.type === 'Enum' ? found.isEnum : found.base === typeName(plan)
}

function typeName({ type, native }: ColumnPlan): string {
  if (native !== undefined) return NATIVE_TYPES[native.name] ?? native.name.toLowerCase()
  return type === 'Enum' ? 'an enum' : DEFAULT_TYPES[type]
}
