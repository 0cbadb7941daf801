import type { BoundValue, Envelope, SealedRecord } from '../envelope/contract.ts'
import { givenValue, type Lookup, throughRelations, UNKNOWABLE } from './binding.ts'
import type { Call } from './call.ts'
import { subjectBy } from './cipher-border.ts'
import { type EncodedValues, namesOf, replaceValues, scopeFrom } from './encrypted-values.ts'
import type { Expectation } from './field-filter.ts'
import { type Input, isInput, listOf } from './input.ts'
import type { Model, Sealing } from './model.ts'
import { rewriteNestedWrites } from './nested-writes.ts'
import type { Rewriting } from './rewriting.ts'
import { rowToSeal } from './row-context.ts'
import { equalitiesOf } from './where.ts'

/** A top-level `update` whose `where` and selection are rewritten already. */
export interface Update {
  readonly call: Call
  readonly rewriting: Rewriting
  /** The caller's `where`, for the values that it gives. */
  readonly original: Input
  /** Rewritten arguments, settled but for `data`. */
  readonly args: Input
  /** What the row must hold, where it was looked up by a token. */
  readonly expectations: readonly Expectation[]
}

/** Columns of the row once it is updated, as far as `data` and the equalities of `where` tell. */
export function valuesAfterUpdate(model: Model, data: Input, where: unknown, rewriting: Rewriting): Lookup {
  const equalities = equalitiesOf(model, where, rewriting)
  return (field) => {
    const written = givenValue(data[field])
    if (!rewriting.isAbsent(written)) return isInput(written) ? UNKNOWABLE : { value: written }
    const handed = throughRelations(model, field, data, rewriting)
    if (handed !== undefined) return handed
    // Citext finds a row by another spelling than the one that it holds.
    return equalities.has(field) && model.plan.columns[field]?.native?.name !== 'Citext'
      ? { value: equalities.get(field) }
      : undefined
  }
}

/** Arguments of the update, with the row's new envelope in its data. */
export async function sealedArgs(
  update: Update,
  sealing: Sealing,
  data: Input,
  values: EncodedValues,
  binding: readonly BoundValue[],
  record: SealedRecord,
): Promise<Input> {
  const { call, rewriting, args } = update
  const out: Record<string, unknown> = { ...data }
  replaceValues(out, values, scopeFrom(sealing, binding), rewriting)
  rewriteNestedWrites(call.model, out, 'owning', () => undefined, rewriting)
  const known = valuesAfterUpdate(call.model, data, update.original['where'], rewriting)
  const subject = () => subjectBy(call.model, known, namesOf(values))
  rewriting.seal(rowToSeal(call.model, sealing, binding, record, rewriting), subject, (envelope: Envelope) => {
    out[sealing.field] = envelope
  })
  await rewriting.settle()
  return { ...args, data: out }
}

/**
 * Adds a condition on the stored envelope. Prisma plans a query once for all values of an object, but anew for each text that `path` is compared
 * with: only what never changes may stand beside `path`.
 *
 * @param orNone whether a row without an envelope will do, too.
 */
export function withCondition(args: Input, sealing: Sealing, condition: Input, rewriting: Rewriting, orNone = false): Input {
  const where = isInput(args['where']) ? args['where'] : {}
  const and = rewriting.isAbsent(where['AND']) ? [] : listOf(where['AND'])
  const stored = { [sealing.field]: condition }
  const none = { [sealing.field]: { equals: rewriting.tools.prisma.DbNull } }
  return { ...args, where: { ...where, AND: [...and, orNone ? { OR: [stored, none] } : stored] } }
}

/**
 * Prisma's «record to update not found», which it may put in other words where a required one-to-one relation changes: it looks for the record that is
 * attached already, and does not see that it is the same one.
 */
export function isNotFound(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && (error.code === 'P2025' || error.code === 'P2014')
}
