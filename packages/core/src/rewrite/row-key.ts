import type { UniquePlan } from '../plan.ts'
import { hasEmptyOr } from './empty-conditions.ts'
import { type Input, isInput } from './input.ts'
import type { Model, Sealing } from './model.ts'
import type { Row } from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'

/** The primary key, or the unique criterion that stands in for it. */
function uniqueKey({ plan }: Model): UniquePlan {
  const isPrimary = ({ fields }: UniquePlan) =>
    fields.length === plan.primaryKey.length && fields.every((name, i) => name === plan.primaryKey[i])
  const isRequired = ({ fields }: UniquePlan) => fields.every((name) => plan.columns[name]?.required === true)
  const key = plan.uniques.find(plan.primaryKey.length === 0 ? isRequired : isPrimary)
  if (key === undefined) throw new TypeError('the plan has a model without a unique criterion')
  return key
}

/** Fields that name a row. */
export function keyFields(model: Model): readonly string[] {
  return uniqueKey(model).fields
}

/** A `WhereUniqueInput` for a row that was read. */
export function keyOf(model: Model, row: Row): Input {
  const { name, fields } = uniqueKey(model)
  const key = Object.fromEntries(fields.map((field) => [field, row[field]]))
  return fields.length === 1 ? key : { [name]: key }
}

/** A `WhereInput` for rows that were read. */
export function keysFilter(model: Model, rows: readonly Row[]): Input {
  const fields = keyFields(model)
  const [field, ...others] = fields
  if (field !== undefined && others.length === 0) return { [field]: { in: rows.map((row) => row[field]) } }
  if (rows.length === 0) return nothing(model)
  if (rows.length === 0) return nothing(model)
  return { OR: rows.map((row) => Object.fromEntries(fields.map((name) => [name, row[name]]))) }
}

/** A condition that no row meets, wherever it stands: an empty `OR` is false at the top of a `where`, and true below `AND`. */
export function nothing(model: Model): Input {
  return Object.fromEntries(keyFields(model).map((name) => [name, { in: [] }]))
}

/** A `where`, be it a `WhereUniqueInput`, as a `WhereInput` that may stand below others. */
export function filterOf(model: Model, where: unknown): Input {
  const given = isInput(where) ? where : {}
  const entries = Object.entries(given)
  const compound = entries.flatMap(([name, value]) => (model.compoundUniques.has(name) ? [value] : []))
  const never = hasEmptyOr(given) ? [nothing(model)] : []
  return { AND: [Object.fromEntries(entries.filter(([name]) => !model.compoundUniques.has(name))), ...compound, ...never] }
}

/** Names a row among others of its model. */
export function keyText(model: Model, row: Row): string {
  return JSON.stringify(
    keyFields(model).map((name) => {
      const value = row[name]
      return typeof value === 'bigint' ? value.toString() : value
    }),
  )
}

/**
 * Throws where a `WhereUniqueInput` names no row, as Prisma's validation would: as a condition it would find any row.
 *
 * @throws EnvelopeError `INVALID_VALUE`
 */
export function requireUnique(model: Model, where: unknown, operation: string, rewriting: Rewriting): void {
  const names = (input: unknown, fields: readonly string[]): boolean =>
    isInput(input) && fields.every((field) => !rewriting.isAbsent(input[field]) && input[field] !== null)
  const isUnique = ({ name, fields }: UniquePlan): boolean =>
    fields.length === 1 ? names(where, fields) : isInput(where) && names(where[name], fields)
  if (model.plan.uniques.some(isUnique)) return
  throw rewriting.error('INVALID_VALUE', `\`where\` of \`${operation}\` must hold a unique field or key`, model)
}

/** All columns that other rows, or this row's own sealing, may depend on: its key, what it is bound to, and both ends of foreign keys. */
export function knownFields(model: Model): readonly string[] {
  let names = known.get(model)
  if (names === undefined) {
    const ends = [...model.relations.values()].flatMap(({ plan, opposite }) => [...plan.from, ...opposite.to])
    names = [...new Set([...keyFields(model), ...(model.sealing?.needed ?? []), ...ends])]
    known.set(model, names)
  }
  return names
}

const known = new WeakMap<Model, readonly string[]>()

/** A `select` of these fields. */
export function selectOf(names: Iterable<string>): Input {
  return Object.fromEntries([...names].map((name) => [name, true]))
}

/** What resealing a row takes. */
export function sealedFields(model: Model): readonly string[] {
  const { sealing } = model
  if (sealing === undefined) return knownFields(model)
  return [...new Set([...knownFields(model), ...besideTokens(model, sealing), sealing.field, ...sealing.byName.keys()])]
}

/** Columns that are unique together with a token: whether a row may have a key is decided by all parts of it. */
function besideTokens({ plan }: Model, { byName }: Sealing): readonly string[] {
  return plan.uniques.flatMap(({ fields }) => (fields.some((name) => byName.has(name)) ? fields : []))
}

/** Fields that Prisma would renew at a write of which the caller knows nothing. */
export function renewedFields({ plan }: Model): readonly string[] {
  return Object.keys(plan.columns).filter((name) => plan.columns[name]?.updatedAt === true)
}
