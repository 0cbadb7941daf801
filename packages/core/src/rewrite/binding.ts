import type { BoundValue } from '../envelope/contract.ts'
import { EnvelopeError } from '../errors.ts'
import { generateValue } from './generated-value.ts'
import { isInput } from './input.ts'
import type { Model, Relation, Sealing } from './model.ts'
import type { Rewriting } from './rewriting.ts'

/** Column values of a row that is being written, by field name. */
export type KnownValues = ReadonlyMap<string, unknown>

/** Where a value that the data does not give may be found: the parent of a nested create, the `where` of an update. */
export type Lookup = (field: string) => { readonly value: unknown } | undefined

export const NOWHERE: Lookup = () => undefined

/** Unwraps `{ set: value }`, which Prisma takes for a value in updates and for lists. */
export function givenValue(value: unknown): unknown {
  return isInput(value) && Object.keys(value).length === 1 && 'set' in value ? value['set'] : value
}

/**
 * The value that a column of a new row will have, where it can be known before the insert. Draws client-side defaults and writes them into
 * `data`, so that Prisma stores what the row is bound to.
 *
 * @param data the rewritten data of the row.
 */
export function valueOfNewRow(model: Model, field: string, data: Record<string, unknown>, inherited: Lookup, rewriting: Rewriting): { readonly value: unknown } | undefined {
  const given = data[field]
  if (!rewriting.isAbsent(given)) return { value: given }
  const column = model.plan.columns[field]
  const handed = inherited(field) ?? throughRelation(model, field, data, rewriting)
  if (handed !== undefined || column === undefined) return handed
  if (column.default?.kind === 'client') {
    const value = generateValue(column.default)
    data[field] = value
    return { value }
  }
  if (column.default?.kind === 'literal') return { value: column.default.value }
  if (column.default?.kind === 'database' || ownedBy(model, field).some((relation) => isWritten(data[relation.name], rewriting))) return undefined
  return column.required === true ? undefined : { value: null }
}

/** Relations of the model whose foreign key holds `field`. */
export function ownedBy(model: Model, field: string): readonly Relation[] {
  return [...model.relations.values()].filter((relation) => relation.plan.from.includes(field))
}

function isWritten(value: unknown, rewriting: Rewriting): boolean {
  return !rewriting.isAbsent(value) && isInput(value)
}

/** A foreign key's value by way of `connect` or a nested `create` on the side that holds it. */
function throughRelation(model: Model, field: string, data: Record<string, unknown>, rewriting: Rewriting): { readonly value: unknown } | undefined {
  for (const relation of ownedBy(model, field)) {
    const write = data[relation.name]
    const referenced = relation.plan.to[relation.plan.from.indexOf(field)]
    if (!isInput(write) || referenced === undefined) continue
    const { connect, create } = write
    if (isInput(connect)) return connectedValue(relation, connect, referenced)
    // The nested data was rewritten by now: it is the extension's own copy, and may take a drawn key.
    if (isInput(create)) return valueOfNewRow(relation.model, referenced, create as Record<string, unknown>, NOWHERE, rewriting)
  }
  return undefined
}

/** The referenced column's value where `connect` names the row by it. */
export function connectedValue(relation: Relation, connect: Readonly<Record<string, unknown>>, referenced: string): { readonly value: unknown } | undefined {
  const direct = connect[referenced]
  if (direct !== undefined && !isInput(direct)) return { value: direct }
  for (const [name, fields] of relation.model.compoundUniques) {
    const compound = connect[name]
    if (isInput(compound) && fields.includes(referenced)) return { value: compound[referenced] }
  }
  return undefined
}

/**
 * What a row is bound to, in the plan's order.
 *
 * @throws EnvelopeError `UNSUPPORTED` where a bound column's value can't be known before the write.
 */
export function bindingOf(
  model: Model,
  sealing: Sealing,
  known: (field: string) => { readonly value: unknown } | undefined,
  rewriting: Rewriting,
): readonly BoundValue[] {
  return sealing.bound.map(({ name, column }) => {
    const found = known(name)
    if (found === undefined) {
      const through = ownedBy(model, name)[0]
      const way = through === undefined ? `give ${name} in \`data\`` : `give ${name} in \`data\`, or connect ${through.name} by the field that ${name} references`
      throw rewriting.error('UNSUPPORTED', `the row is bound to this column, whose value can't be known before the write: ${way}`, model, name)
    }
    try {
      return rewriting.tools.bind(column, found.value)
    } catch (error) {
      throw error instanceof EnvelopeError ? error.at({ model: model.name, field: name, operation: rewriting.operation }) : error
    }
  })
}
