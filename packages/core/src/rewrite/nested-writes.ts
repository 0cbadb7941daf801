import { givenValue, type Lookup, NOWHERE, UNKNOWABLE } from './binding.ts'
import { rewriteCreate, rewriteCreateMany } from './create.ts'
import { type Input, isInput } from './input.ts'
import type { Model, Relation } from './model.ts'
import { NeedsSteps, onlyIfTaken } from './needs-steps.ts'
import type { Rewriting } from './rewriting.ts'
import { isPartOfUnique } from './unique-keys.ts'
import { refuseSealedChange, reseals } from './update-data.ts'
import { rewriteUniqueWhere, rewriteWhere } from './where.ts'

/** Which side holds the foreign key: `owning` relations write the parent's own columns, `owned` ones those of the other rows. */
export type Side = 'owning' | 'owned'

/**
 * Rewrites the nested writes of a row's `data` in place, `data` being the extension's own copy.
 *
 * @param parent columns of the row that holds the nested writes, as far as they are known.
 * @throws NeedsSteps for nested writes that have to re-seal rows that exist.
 */
export function rewriteNestedWrites(
  model: Model,
  data: Record<string, unknown>,
  side: Side,
  parent: Lookup,
  rewriting: Rewriting,
): void {
  for (const relation of model.relations.values()) {
    const write = data[relation.name]
    const owning = relation.plan.from.length > 0
    if (rewriting.isAbsent(write) || owning !== (side === 'owning') || !relation.model.reachesSealing) continue
    data[relation.name] = rewriting.oneInput(model, relation.name, write, (operations) =>
      Object.fromEntries(
        Object.entries(operations).map(([operation, argument]) => [
          operation,
          rewriting.isAbsent(argument) ? argument : rewriteNested(relation, operation, argument, parent, rewriting),
        ]),
      ),
    )
  }
}

/** Rewrites one operation of a nested write. */
export function rewriteNested(
  relation: Relation,
  operation: string,
  argument: unknown,
  parent: Lookup,
  rewriting: Rewriting,
): unknown {
  const { model } = relation
  const child = childOf(relation, parent)
  const each = (change: (input: Input) => unknown) => rewriting.eachInput(model, operation, argument, change)
  switch (operation) {
    case 'create':
      return each((row) => rewriteCreate(model, row, rewriting, child))
    case 'createMany':
      return each((many) => ({ ...many, data: rewriteCreateMany(model, many['data'], rewriting, child) }))
    case 'connect':
      refuseRebinding(relation, operation, rewriting)
      return each((where) => rewriteUniqueWhere(model, where, rewriting))
    case 'set':
    case 'disconnect':
      refuseRebinding(relation, operation, rewriting)
      return each((where) => rewriteTarget(relation, where, rewriting))
    case 'delete':
      return each((where) => rewriteTarget(relation, where, rewriting))
    case 'deleteMany':
      return each((where) => rewriteWhere(model, where, rewriting))
    case 'connectOrCreate':
      refuseRebinding(relation, operation, rewriting)
      return each((input) => ({
        ...input,
        where: rewriteUniqueWhere(model, input['where'], rewriting),
        create: onlyIfTaken(model, rewriting, () => rewriteCreate(model, input['create'], rewriting, child)),
      }))
    case 'upsert':
      return each((input) => ({
        ...input,
        ...('where' in input && { where: rewriteTarget(relation, input['where'], rewriting) }),
        create: onlyIfTaken(model, rewriting, () => rewriteCreate(model, input['create'], rewriting, child)),
        update: onlyIfTaken(model, rewriting, () => rewriteNestedData(model, input['update'], rewriting)),
      }))
    case 'update':
      return each((input) => rewriteNestedUpdate(relation, input, rewriting))
    case 'updateMany':
      return each((input) => ({
        ...input,
        ...('where' in input && { where: rewriteWhere(model, input['where'], rewriting) }),
        data: rewriteNestedData(model, input['data'], rewriting),
      }))
    default:
      throw rewriting.error('UNSUPPORTED', `the nested write \`${operation}\` is not known to this version`, model)
  }
}

function rewriteNestedUpdate(relation: Relation, input: Input, rewriting: Rewriting): unknown {
  const { model } = relation
  if (relation.plan.list !== true && toOneUpdate(relation, input, rewriting).data === input) {
    return rewriteNestedData(model, input, rewriting)
  }
  return {
    ...input,
    ...('where' in input && { where: rewriteTarget(relation, input['where'], rewriting) }),
    data: rewriteNestedData(model, input['data'], rewriting),
  }
}

/** The condition by which a nested write names its row: by a key in a list, by anything where there is one row at most. */
export function rewriteTarget({ model, plan }: Relation, where: unknown, rewriting: Rewriting): unknown {
  return plan.list === true ? rewriteUniqueWhere(model, where, rewriting) : rewriteWhere(model, where, rewriting)
}

/** A to-one `update` takes the data itself, or `{ where?, data }`. */
export function toOneUpdate(
  { model }: Relation,
  input: Input,
  rewriting: Rewriting,
): { readonly where: unknown; readonly data: unknown } {
  const own = Object.hasOwn(model.plan.columns, 'data') || model.relations.has('data')
  if (own && isInput(input['data'])) refuseAmbiguous(model, input['data'], rewriting)
  return own || !isInput(input['data']) ? { where: undefined, data: input } : { where: input['where'], data: input['data'] }
}

/** Where a field of the model is called `data`, Prisma may still take it for the wrapper: it must mean nothing then that had to be rewritten. */
function refuseAmbiguous(model: Model, data: Input, rewriting: Rewriting): void {
  const { sealing } = model
  const sealed = sealing !== undefined && reseals(model, data, rewriting)
  const relation = sealed ? sealing.field : [...model.relations.keys()].find((name) => !rewriting.isAbsent(data[name]))
  if (relation !== undefined) {
    throw rewriting.error(
      'UNSUPPORTED',
      "beside a field called `data`, a nested update can't hold encrypted fields or nested writes: update the row itself",
      model,
      relation,
    )
  }
}

/** Data of a nested update that touches nothing sealed, at this level; levels below are rewritten like any other. */
export function rewriteNestedData(model: Model, data: unknown, rewriting: Rewriting): unknown {
  if (!model.reachesSealing) return data
  refuseSealedChange(model, data, rewriting)
  if (!isInput(data)) return data
  const out: Record<string, unknown> = { ...data }
  const known: Lookup = (field) => {
    const value = givenValue(data[field])
    return rewriting.isAbsent(value) || isInput(value) ? undefined : { value }
  }
  rewriteNestedWrites(model, out, 'owning', known, rewriting)
  rewriteNestedWrites(model, out, 'owned', known, rewriting)
  return out
}

/** What a row created below `parent` gets from it: its foreign key. */
function childOf(relation: Relation, parent: Lookup): Lookup {
  const { from, to } = relation.opposite
  if (from.length === 0) return NOWHERE
  return (field) => {
    const referenced = to[from.indexOf(field)]
    return referenced === undefined ? undefined : (parent(referenced) ?? UNKNOWABLE)
  }
}

/** Attaching or detaching rows that hold the foreign key changes it: rows that are bound to it, or to a copy of it, would have to be sealed anew. */
function refuseRebinding(relation: Relation, operation: string, rewriting: Rewriting): void {
  const { sealing, referencedByBound } = relation.model
  const bound = relation.opposite.from.find(
    (name) =>
      sealing?.boundNames.has(name) === true || referencedByBound.has(name) || isPartOfUnique(relation.model, name, rewriting),
  )
  if (bound !== undefined) {
    const reason = `a nested \`${operation}\` changes a column that the row is bound to; update the rows of ${relation.model.name} themselves`
    throw new NeedsSteps(rewriting.error('UNSUPPORTED', reason, relation.model, bound))
  }
}
