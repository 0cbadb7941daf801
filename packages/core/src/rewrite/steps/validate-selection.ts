import { type Input, isInput } from '../input.ts'
import type { Model } from '../model.ts'
import type { Rewriting } from '../rewriting.ts'
import type { HiddenFields } from '../selection.ts'
import { unknownField } from './validate.ts'

/**
 * Throws for a selection of nothing, at any level, which Prisma would refuse before it writes: where an operation is done in steps, its selection
 * comes last. Keys that no model has may be another extension's.
 *
 * @throws EnvelopeError `INVALID_VALUE`
 */
export function validateSelection(model: Model, args: Input, rewriting: Rewriting, hidden: HiddenFields): void {
  const { select, include, omit } = args
  const given = (value: unknown): boolean => isInput(value)
  if ((given(select) && (given(include) || given(omit))) || selectsNothing(model, args, rewriting, hidden)) {
    throw rewriting.error('INVALID_VALUE', 'the selection must hold something, by `select`, or by `include` and `omit`', model)
  }
  for (const fields of [select, include]) {
    for (const [name, value] of Object.entries(isInput(fields) ? fields : {})) {
      const relation = model.relations.get(name)
      if (relation !== undefined && isInput(value)) validateSelection(relation.model, value, rewriting, hidden)
    }
  }
}

/** Throws for a selection that a write of many rows can't answer: lists of rows below them, and how many there are. */
export function validateFlatSelection(model: Model, { select, include }: Input, rewriting: Rewriting): void {
  for (const fields of [select, include]) {
    const [name] =
      Object.entries(isInput(fields) ? fields : {}).find(([key, value]) => {
        const list = key === '_count' || model.relations.get(key)?.plan.list === true
        return list && value !== false && !rewriting.isAbsent(value)
      }) ?? []
    if (name !== undefined) throw unknownField(model, name, rewriting)
  }
}

function selectsNothing(model: Model, { select, include, omit }: Input, rewriting: Rewriting, hidden: HiddenFields): boolean {
  const isChosen = (value: unknown): boolean => value !== false && !rewriting.isAbsent(value)
  if (isInput(select)) return !Object.values(select).some(isChosen)
  if (!isInput(omit) || (isInput(include) && Object.values(include).some(isChosen))) return false
  const omitted = hidden(model)
  return Object.keys(model.plan.columns).every((name) => {
    const given = omit[name]
    return name === model.sealing?.field || (rewriting.isAbsent(given) ? omitted.has(name) : given === true)
  })
}
