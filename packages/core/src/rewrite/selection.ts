import type { Expectation } from './field-filter.ts'
import { emptyInput, type Input, isInput } from './input.ts'
import type { Model } from './model.ts'
import { refuseDistinct, refuseOrder } from './refuse.ts'
import type { Rewriting } from './rewriting.ts'
import { rewriteCursor, rewriteWhere } from './where.ts'

/** How the rows of one level of a result are revealed. */
export interface View {
  readonly model: Model
  /** Whether rows may hold encrypted fields; the envelope and what it is bound to are then in every row. */
  readonly opens: boolean
  /** Fields that were read for opening alone, and are taken out of the row again. */
  readonly strip: ReadonlySet<string>
  readonly relations: readonly (readonly [name: string, view: View])[]
  readonly expectations: readonly Expectation[]
}

/** Fields that the client's own `omit` option hides, by model. */
export type HiddenFields = (model: Model) => ReadonlySet<string>

type Selected = { select?: unknown; include?: unknown; omit?: unknown }

/**
 * Adds to `select`, `include` and `omit` what opening needs, at every level, and tells how to reveal the result.
 *
 * Keys that are no field of the model belong to `result` extensions, whose `needs` Prisma adds after query hooks: any encrypted field may then
 * come back, so the row is read as if all had been asked for.
 */
export function rewriteSelection(
  model: Model,
  args: Input,
  rewriting: Rewriting,
  hidden: HiddenFields,
  expectations: readonly Expectation[] = [],
): Selection {
  const chooses = 'select' in args || 'include' in args || 'omit' in args
  if (!chooses && expectations.length === 0) return wholeRows(model, rewriting, hidden)
  return addToSelection(model, args, rewriting, hidden, expectations)
}

export interface Selection {
  readonly args: Selected
  readonly view: View | undefined
}

/**
 * The selection of a row that the operation itself seals: its envelope is known, and need not come back from the database. Nested rows are read
 * as always.
 */
export function withoutOwnEnvelope({ args, view }: Selection): Selection {
  const field = view?.model.sealing?.field
  if (view === undefined || field === undefined || !view.opens || !view.strip.has(field)) return { args, view }
  if (!isInput(args.select)) return { args: { ...args, omit: { ...(isInput(args.omit) && args.omit), [field]: true } }, view }
  return { args: { ...args, select: Object.fromEntries(Object.entries(args.select).filter(([name]) => name !== field)) }, view }
}

/** Reads that select nothing are the most frequent, and all alike. */
const selectionsOfWholeRows = new WeakMap<HiddenFields, Map<Model, Selection>>()

function wholeRows(model: Model, rewriting: Rewriting, hidden: HiddenFields): Selection {
  let byModel = selectionsOfWholeRows.get(hidden)
  if (byModel === undefined) selectionsOfWholeRows.set(hidden, (byModel = new Map()))
  let selection = byModel.get(model)
  if (selection === undefined) byModel.set(model, (selection = addToSelection(model, {}, rewriting, hidden, [])))
  return selection
}

function addToSelection(
  model: Model,
  args: Input,
  rewriting: Rewriting,
  hidden: HiddenFields,
  expectations: readonly Expectation[],
): Selection {
  const relations: [string, View][] = []
  const select = rewriteFields(model, args['select'], relations, rewriting, hidden)
  const include = rewriteFields(model, args['include'], relations, rewriting, hidden)
  const given: Selected = {
    ...('select' in args && { select }),
    ...('include' in args && { include }),
    ...('omit' in args && { omit: args['omit'] }),
  }
  const added = addSealing(model, given, rewriting, hidden, expectations.length > 0)
  if (!added.opens && relations.length === 0) return { args: given, view: undefined }
  return { args: added.args, view: { model, opens: added.opens, strip: added.strip, relations, expectations } }
}

function rewriteFields(
  model: Model,
  fields: unknown,
  relations: [string, View][],
  rewriting: Rewriting,
  hidden: HiddenFields,
): unknown {
  if (!isInput(fields) || !model.reachesSealing) return fields
  const out = emptyInput()
  for (const [key, value] of Object.entries(fields)) {
    const relation = model.relations.get(key)
    if (key === '_count') {
      out[key] = rewriteCount(model, value, rewriting)
    } else if (
      relation === undefined ||
      value === false ||
      value === null ||
      rewriting.isAbsent(value) ||
      !relation.model.reachesSealing
    ) {
      out[key] = value
    } else {
      // Prisma, too, spreads whatever is given; of `true`, that leaves nothing.
      const nested = rewriteNested(relation.model, isInput(value) ? value : { ...(value as object) }, rewriting, hidden)
      out[key] = isInput(value) || Object.keys(nested.args).length > 0 ? nested.args : value
      if (nested.view !== undefined) relations.push([key, nested.view])
    }
  }
  return out
}

function rewriteNested(
  model: Model,
  args: Input,
  rewriting: Rewriting,
  hidden: HiddenFields,
): { args: Input; view: View | undefined } {
  const expectations: Expectation[] = []
  const conditions = rewriteReadConditions(model, args, rewriting, expectations)
  const selection = rewriteSelection(model, args, rewriting, hidden, expectations)
  return { args: { ...args, ...conditions, ...selection.args }, view: selection.view }
}

/** `where`, `cursor`, `orderBy` and `distinct` of a read, top-level or nested. */
export function rewriteReadConditions(
  model: Model,
  args: Input,
  rewriting: Rewriting,
  expectations?: Expectation[],
  rewrite: typeof rewriteWhere = rewriteWhere,
): Input {
  refuseOrder(model, args['orderBy'], rewriting)
  refuseDistinct(model, args['distinct'], rewriting)
  return {
    ...('where' in args && { where: rewrite(model, args['where'], rewriting, expectations) }),
    ...('cursor' in args && { cursor: rewriteCursor(model, args['cursor'], rewriting) }),
  }
}

function rewriteCount(model: Model, count: unknown, rewriting: Rewriting): unknown {
  const select = isInput(count) ? count['select'] : undefined
  if (!isInput(count) || !isInput(select)) return count
  const out = emptyInput()
  for (const [key, value] of Object.entries(select)) {
    const relation = model.relations.get(key)
    out[key] =
      relation !== undefined && isInput(value) && 'where' in value
        ? { ...value, where: rewriteWhere(relation.model, value['where'], rewriting) }
        : value
  }
  return { ...count, select: out }
}

const NOTHING: ReadonlySet<string> = new Set()

function addSealing(
  model: Model,
  given: Selected,
  rewriting: Rewriting,
  hidden: HiddenFields,
  compares: boolean,
): { args: Selected; opens: boolean; strip: ReadonlySet<string> } {
  const { sealing } = model
  if (sealing === undefined) return { args: given, opens: false, strip: NOTHING }
  const needed = [sealing.field, ...sealing.needed]
  if (isInput(given.select)) {
    const { select } = given
    const wants = Object.entries(select).filter(([, value]) => value !== false && !rewriting.isAbsent(value))
    // A select of nothing is left to Prisma, which refuses it.
    const opens = wants.length > 0 && (compares || wants.some(([key]) => sealing.byName.has(key) || !isKnown(model, key)))
    if (!opens) return { args: given, opens, strip: NOTHING }
    const extra = needed.filter((name) => !wants.some(([key]) => key === name))
    const added = Object.fromEntries(extra.map((name) => [name, true]))
    return { args: { ...given, select: { ...select, ...added } }, opens, strip: new Set(extra) }
  }
  const omit: Input = { ...(given.omit as object) }
  const wantsEnvelope = omit[sealing.field] === false
  const alwaysHidden = hidden(model)
  const hides = (name: string) =>
    Object.hasOwn(omit, name) ? Boolean(omit[name]) && !rewriting.isAbsent(omit[name]) : alwaysHidden.has(name)
  const hidesAll =
    given.omit !== undefined && Object.keys(model.plan.columns).every((name) => name === sealing.field || hides(name))
  // Prisma refuses to read nothing, and the envelope is nothing to the caller.
  if (hidesAll && !wantsEnvelope && !isInput(given.include)) {
    return { args: { ...given, omit: { ...omit, [sealing.field]: true } }, opens: false, strip: NOTHING }
  }
  const extra = [...(wantsEnvelope ? [] : [sealing.field]), ...sealing.needed.filter(hides)]
  const shown = Object.fromEntries(extra.map((name) => [name, false]))
  return { args: { ...given, omit: { ...omit, ...shown } }, opens: true, strip: new Set(extra) }
}

function isKnown(model: Model, key: string): boolean {
  return key === '_count' || Object.hasOwn(model.plan.columns, key) || model.relations.has(key)
}
