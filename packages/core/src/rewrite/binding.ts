import type { BoundValue } from '../envelope/contract.ts'
import { EnvelopeError } from '../errors.ts'
import type { ColumnPlan, Json } from '../plan.ts'
import { generateValue } from './generated-value.ts'
import { type Input, isInput } from './input.ts'
import type { Model, Relation, Sealing } from './model.ts'
import { NeedsSteps } from './needs-steps.ts'
import type { Rewriting } from './rewriting.ts'

/** Something decides what the column will hold, but the extension can't see it before the write. */
export const UNKNOWABLE: unique symbol = Symbol('unknowable')

/** What a column of a row will hold. */
export type Found = { readonly value: unknown } | typeof UNKNOWABLE

/** What is said of a column, by the row's data or around it: by the parent of a nested create, by the `where` of an update. */
export type Lookup = (field: string) => Found | undefined

export const NOWHERE: Lookup = () => undefined

export function isKnown(found: Found | undefined): found is { readonly value: unknown } {
  return found !== undefined && found !== UNKNOWABLE
}

/** Unwraps `{ set: value }`, which Prisma takes for a value in updates and for lists. */
export function givenValue(value: unknown): unknown {
  return isInput(value) && Object.keys(value).length === 1 && 'set' in value ? value['set'] : value
}

/**
 * What a column of a new row will hold. Draws client-side defaults and writes them into `data`, so that Prisma stores what the row is bound to.
 *
 * @param data the rewritten data of the row.
 */
export function valueOfNewRow(
  model: Model,
  field: string,
  data: Record<string, unknown>,
  inherited: Lookup,
  rewriting: Rewriting,
): Found {
  const given = data[field]
  if (!rewriting.isAbsent(given)) return { value: given }
  const handed = agreed([inherited(field), throughRelations(model, field, data, rewriting, valueOfCreated)])
  if (handed !== undefined) return handed
  const column = model.plan.columns[field]
  if (column?.default?.kind === 'client') {
    const value = generateValue(column.default)
    data[field] = value
    return { value }
  }
  if (column?.default?.kind === 'literal') return { value: inputOfLiteral(column, column.default.value) }
  return column === undefined || column.default !== undefined || column.required === true ? UNKNOWABLE : { value: null }
}

/** A literal default stands in the plan as records hold it; binding takes what an application would give. */
function inputOfLiteral(column: ColumnPlan, value: Json): unknown {
  if (column.type === 'BigInt' && typeof value === 'string') return BigInt(value)
  if (column.values === undefined) return value
  return Object.entries(column.values).find(([, stored]) => stored === value)?.[0]
}

/** Relations of the model whose foreign key holds `field`. */
export function ownedBy(model: Model, field: string): readonly Relation[] {
  return [...model.relations.values()].filter((relation) => relation.plan.from.includes(field))
}

/** The referenced column of a row that a nested `create` makes. */
type ValueOfCreated = (relation: Relation, create: Input, referenced: string, rewriting: Rewriting) => Found

// Nested data was rewritten by now: it is the extension's own copy, and may take a drawn key.
const valueOfCreated: ValueOfCreated = ({ model }, create, referenced, rewriting) =>
  valueOfNewRow(model, referenced, create, NOWHERE, rewriting)

/** What the nested writes of `data` make of a foreign key's column, on the side that holds it. */
export function throughRelations(
  model: Model,
  field: string,
  data: Input,
  rewriting: Rewriting,
  created: ValueOfCreated = () => UNKNOWABLE,
): Found | undefined {
  return agreed(
    ownedBy(model, field).map((relation) => {
      const write = data[relation.name]
      const referenced = relation.plan.to[relation.plan.from.indexOf(field)]
      if (rewriting.isAbsent(write)) return undefined
      if (!isInput(write) || referenced === undefined) return UNKNOWABLE
      const [operation, ...others] = Object.keys(write).filter((name) => !rewriting.isAbsent(write[name]))
      if (operation === undefined) return undefined
      const argument = write[operation]
      // Prisma runs several in the order given, and the last one wins.
      if (others.length > 0) return UNKNOWABLE
      if (operation === 'disconnect' && argument === true) return { value: null }
      if (operation === 'connect' && isInput(argument)) return connectedValue(relation, argument, referenced)
      return operation === 'create' && isInput(argument) ? created(relation, argument, referenced, rewriting) : UNKNOWABLE
    }),
  )
}

/** Relations may share a column: what they say of it must be the same. */
function agreed(said: readonly (Found | undefined)[]): Found | undefined {
  const [first, ...others] = said.filter((found) => found !== undefined)
  if (!isKnown(first)) return first
  return others.every((other) => isKnown(other) && other.value === first.value) ? first : UNKNOWABLE
}

/** The referenced column's value where `connect` names the row by it. */
function connectedValue(relation: Relation, connect: Input, referenced: string): Found {
  // The row found may spell its key in another case, and it is its own spelling that Prisma stores.
  if (relation.model.plan.columns[referenced]?.native?.name === 'Citext') return UNKNOWABLE
  const direct = connect[referenced]
  if (direct !== undefined && !isInput(direct)) return { value: direct }
  for (const [name, fields] of relation.model.compoundUniques) {
    const compound = connect[name]
    if (isInput(compound) && fields.includes(referenced)) return { value: compound[referenced] }
  }
  return UNKNOWABLE
}

/**
 * What a row is bound to, in the plan's order.
 *
 * @throws NeedsSteps where a bound column's value can't be known before the write.
 */
export function bindingOf(model: Model, sealing: Sealing, known: Lookup, rewriting: Rewriting): readonly BoundValue[] {
  return sealing.bound.map(({ name, column }) => {
    const found = known(name)
    if (!isKnown(found)) {
      const through = ownedBy(model, name)[0]
      const way =
        through === undefined
          ? `give ${name} in \`data\``
          : `give ${name} in \`data\`, or connect ${through.name} by the field that ${name} references`
      const reason = `the row is bound to this column, whose value can't be known before the write: ${way}`
      throw new NeedsSteps(rewriting.error('UNSUPPORTED', reason, model, name))
    }
    try {
      return rewriting.tools.bind(column, found.value)
    } catch (error) {
      throw error instanceof EnvelopeError ? error.at({ model: model.name, field: name, operation: rewriting.operation }) : error
    }
  })
}
