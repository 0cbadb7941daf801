import { createHash } from 'node:crypto'
import { type ColumnPlan, compileColumnText, type Json, type ModelPlan } from 'prisma-envelope/rows'
import { literal, quoted } from '../database/sql-text.ts'
import { guardName } from '../rows/guard-names.ts'

/** A CHECK constraint by which PostgreSQL refuses what the extension would not have written into a column. */
export interface Guard {
  /** Prisma's name of the column. */
  readonly field: string
  readonly column: string
  readonly name: string
  /** What every row has to meet. */
  readonly condition: string
  /** Kept as the constraint's comment: tells a guard of this definition from one of another. */
  readonly comment: string
}

/** The same as in `docs/format.md`, without a backslash, so that the constant is one under any `standard_conforming_strings`. */
const TOKEN = '^~[A-Za-z0-9_-]{4}[.][A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$'

const FORMAT = 'prisma-envelope v1'

/**
 * The guards of a model's chosen fields, and of its envelope, from the plan alone: the same SQL whether or not a database is at hand.
 *
 * @param fields names of encrypted fields
 */
export function guardsOf(plan: ModelPlan, fields: ReadonlySet<string>): readonly Guard[] {
  const { envelope } = plan
  if (envelope === undefined) return []
  const columns = Object.entries(plan.columns).flatMap(([field, column]) =>
    column.encrypted === undefined || !fields.has(field) ? [] : [guard(plan, field, column.column, columnCondition(column))],
  )
  return [...columns, guard(plan, envelope.field, envelope.column, envelopeCondition(envelope.column))]
}

function guard({ table }: ModelPlan, field: string, column: string, condition: string): Guard {
  const definition = createHash('sha256').update(condition).digest('hex').slice(0, 16)
  return { field, column, name: guardName(table.name, column), condition, comment: `${FORMAT} guard ${definition}` }
}

/** NULL passes a CHECK by itself, but not what is made of it: a missing `ct` has to be told from one that is text. */
function envelopeCondition(column: string): string {
  return `${quoted(column)} IS NOT NULL AND jsonb_typeof(${quoted(column)} -> 'ct') IS NOT DISTINCT FROM 'string'`
}

function columnCondition(column: ColumnPlan): string {
  return `${quoted(column.column)} IS NULL OR ${sealedCondition(column)}`
}

function sealedCondition({ column, type, native, list, encrypted, ...rest }: ColumnPlan): string {
  const name = quoted(column)
  if (list === true) return `cardinality(${name}) = 0`
  // Exactly these characters, whatever the column's collation finds equal. The cast takes the padding of Char(n) away.
  const exact = `(${name}::text COLLATE "C")`
  if (encrypted?.search !== undefined) return `${exact} ~ ${literal(TOKEN)}`
  const printed = compileColumnText({ column, type, ...(native !== undefined && { native }), ...rest }).print(
    encrypted?.placeholder as Json,
  )
  if (type === 'String' && native?.name !== 'Uuid')
    return `${exact} = ${literal(native?.name === 'Char' ? printed.replace(/ +$/, '') : printed)}`
  // PostgreSQL takes the constant for one of the column's type. Type json has no equality.
  return `${type === 'Json' && native?.name === 'Json' ? `${name}::jsonb` : name} = ${literal(printed)}`
}
