import { ambiguousUniques, mayStandInForms } from '../alternatives.ts'
import type { Call } from '../call.ts'
import { rewriteCreate, rewriteCreateMany } from '../create.ts'
import type { Expectation } from '../field-filter.ts'
import { type Input, isInput } from '../input.ts'
import type { Model } from '../model.ts'
import type { Row } from '../opened-row.ts'
import { LOST, untilWon } from '../race.ts'
import { revealResult } from '../reveal.ts'
import { Rewriting, type Tools } from '../rewriting.ts'
import { checksContexts } from '../row-context.ts'
import { filterOf, keyFields, keyOf, keysFilter, keyText, knownFields, sealedFields, selectOf } from '../row-key.ts'
import { rewriteSelection } from '../selection.ts'
import type { Session } from '../session.ts'
import { resolveUniques } from '../unique-lookups.ts'
import { referencedIn } from '../update-data.ts'
import { rewriteUniqueWhere, rewriteWhere } from '../where.ts'
import { createRow } from './create-row.ts'
import { impossible } from './missing.ts'
import type { KnownRow, Steps } from './steps.ts'
import { twinSearch } from './unique-twins.ts'
import { updateRow } from './update-row.ts'
import { updateRows } from './update-rows.ts'
import { validateCreate, validateUpdate, validateWhere } from './validate.ts'
import { validateFlatSelection, validateSelection } from './validate-selection.ts'

/** `create` of rows that are bound to keys which only the database knows. */
export function createInSteps(call: Call): Promise<unknown> {
  return call.inTransaction(async (session, tools) => {
    const steps = stepsOf(call, session, tools)
    validateCreate(call.model, call.args['data'], steps.rewriting)
    validateSelection(call.model, call.args, steps.rewriting, call.hidden)
    return answer(call, steps, await createRow(steps, call.model, call.args['data']))
  })
}

/** `createMany` and `createManyAndReturn` of rows whose unique values others may have in another form. */
export function createManyInSteps(call: Call): Promise<unknown> {
  const { model, args, operation } = call
  return call.inTransaction(async (session, tools) => {
    const next = stepsOf(call, session, tools).rewriting
    const data = rewriteCreateMany(model, args['data'], next)
    const { args: selection, view } =
      operation === 'createMany' ? { args: {}, view: undefined } : rewriteSelection(model, args, next, call.hidden)
    await next.settle()
    const result = await session.answer(operation, { ...args, data, ...selection })
    return view === undefined ? result : revealResult(result, view, next)
  })
}

/** `update` of one row, with nested writes that seal rows, or inside an interactive transaction. */
export function updateInSteps(call: Call): Promise<unknown> {
  const { model, args } = call
  return call.inTransaction(async (session, tools) => {
    const steps = stepsOf(call, session, tools)
    validateUpdate(model, args['data'], steps.rewriting)
    validateSelection(model, args, steps.rewriting, call.hidden)
    const { where, expectations } = await conditionsOf(steps, model, args['where'])
    const columns = hasNestedWrites(model, args['data'], steps) ? undefined : wholeRow(call)
    return untilWon(model, steps.rewriting, async () => {
      const row = await session.run(model, 'findUnique', { where, select: selectOf(sealedFields(model)) })
      // Prisma's own error, from an update that can't match.
      if (!isInput(row)) return session.answer('update', { where: impossible(model, where, steps.rewriting), data: {} })
      const target = { model, where: filterOf(model, where), row, expectations }
      const known = await updateRow(steps, target, args['data'], columns)
      return known === undefined ? LOST : answer(call, steps, known, columns)
    })
  })
}

/** `updateMany` and `updateManyAndReturn` of columns that rows are sealed with. */
export function updateManyInSteps(call: Call): Promise<unknown> {
  const { model, args, operation } = call
  return call.inTransaction(async (session, tools) => {
    const steps = stepsOf(call, session, tools)
    validateWhere(model, args['where'], steps.rewriting)
    if (operation === 'updateManyAndReturn') {
      validateFlatSelection(model, args, steps.rewriting)
      validateSelection(model, args, steps.rewriting, call.hidden)
    }
    const { where } = await conditionsOf(steps, model, args['where'], rewriteWhere)
    const rows = await updateRows(steps, model, filterOf(model, where), args['data'], args['limit'])
    return operation === 'updateMany' ? { count: rows.length } : answerMany(call, steps, rows)
  })
}

/**
 * `upsert` of a row that is sealed anew. Outside transactions each of its two ways is one statement that can't go wrong half-way: an insert that
 * yields to a row of the same key, or an update that compares.
 */
export async function upsertInSteps(call: Call, tools: Tools): Promise<unknown> {
  const { model, args } = call
  const plain: Steps = { session: call.session, rewriting: new Rewriting(tools, call.operation) }
  validateCreate(model, args['create'], plain.rewriting)
  validateUpdate(model, args['update'], plain.rewriting)
  validateSelection(model, args, plain.rewriting, call.hidden)
  const nested = hasNestedWrites(model, args['create'], plain) || hasNestedWrites(model, args['update'], plain)
  // A row that may have to be locked needs a transaction to be locked in, and so do rows that are bound to its key, the search for others of its
  // unique values, and what must be undone where the row that was met may not be seen.
  const locks =
    checksContexts(plain.rewriting) ||
    model.sealing?.tolerant === true ||
    (isInput(args['update']) && referencedIn(model, args['update'], plain.rewriting).length > 0) ||
    ambiguousUniques(model, plain.rewriting).length > 0
  if (!nested && !locks && wholeRow(call) !== undefined && call.transaction === 'none') return upsert(call, plain)
  try {
    return await call.inTransaction((session, ahead) => upsert(call, stepsOf(call, session, ahead)))
  } catch (error) {
    // Another writer has inserted the row in between, or the new row collides with another one, which a second attempt tells.
    if (!isUniqueViolation(error) || call.transaction === 'interactive') throw error
    return call.inTransaction((session, ahead) => upsert(call, stepsOf(call, session, ahead)))
  }
}

async function upsert(call: Call, steps: Steps): Promise<unknown> {
  const { model } = call
  const { session, rewriting } = steps
  let collided = false
  return untilWon(model, rewriting, async () => {
    const args = mayStandInForms(model, rewriting)
      ? await resolveUniques(model, 'upsert', call.args, session, rewriting)
      : call.args
    const { where, expectations } = await conditionsOf(steps, model, args['where'])
    const row = await session.run(model, 'findUnique', { where, select: selectOf(sealedFields(model)) })
    if (isInput(row)) {
      const columns = hasNestedWrites(model, args['update'], steps) ? undefined : wholeRow(call)
      const target = { model, where: filterOf(model, where), row, expectations }
      const known = await updateRow(steps, target, args['update'], columns)
      return known === undefined ? LOST : answer(call, steps, known, columns)
    }
    if (hasNestedWrites(model, args['create'], steps)) {
      return answer(call, steps, await createRow(steps, model, args['create']))
    }
    const columns = wholeRow(call)
    const known = await insert(steps, model, args['create'], collided, columns)
    if (known !== undefined) return answer(call, steps, known, columns)
    collided = true
    return LOST
  })
}

/**
 * Inserts a row; undefined where one of the same key, whichever key, is there already: an error would end the caller's transaction.
 *
 * @param insists whether that is to be Prisma's own error after all.
 */
async function insert(
  { session, rewriting }: Steps,
  model: Model,
  create: unknown,
  insists: boolean,
  columns: readonly string[] = [],
): Promise<KnownRow | undefined> {
  const next = rewriting.next()
  const data = rewriteCreate(model, create, next)
  await next.settle()
  const select = selectOf([...columns, ...knownFields(model)])
  const inserted = insists
    ? [await session.run(model, 'create', { data, select })]
    : await session.run(model, 'createManyAndReturn', { data: [data], skipDuplicates: true, select })
  const [row] = inserted as Row[]
  return row === undefined ? undefined : { model, row }
}

/** @param session in a transaction */
function stepsOf(call: Call, session: Session, tools: Tools): Steps {
  return { session, rewriting: new Rewriting(tools, call.operation, undefined, twinSearch(session)) }
}

async function conditionsOf(
  { rewriting }: Steps,
  model: Model,
  where: unknown,
  rewrite = rewriteUniqueWhere,
): Promise<{ readonly where: unknown; readonly expectations: readonly Expectation[] }> {
  const expectations: Expectation[] = []
  const next = rewriting.next()
  const rewritten = rewrite(model, where, next, expectations)
  await next.settle()
  return { where: rewritten, expectations }
}

function hasNestedWrites(model: Model, data: unknown, { rewriting }: Steps): boolean {
  return isInput(data) && [...model.relations.keys()].some((name) => !rewriting.isAbsent(data[name]))
}

/** All columns, where the caller wants whole rows: the statement that writes the row can then give it back. */
function wholeRow({ args, model, hidden }: Call): readonly string[] | undefined {
  if ('select' in args || 'include' in args || 'omit' in args) return undefined
  const omitted = hidden(model)
  const { sealing } = model
  return Object.keys(model.plan.columns).filter((name) => name === sealing?.field || !omitted.has(name))
}

/** The row as the caller asked for it. */
async function answer(call: Call, steps: Steps, { model, row, isGone }: KnownRow, columns?: readonly string[]): Promise<unknown> {
  // As Prisma has it, for rows that are gone, or of another key, when the nested writes are done.
  const nothing = call.operation === 'upsert' ? [] : null
  if (isGone) return nothing
  const next = steps.rewriting.next()
  const { args, view } = rewriteSelection(model, call.args, next, call.hidden)
  await next.settle()
  if (columns === undefined) {
    const result = await steps.session.answer('findUnique', { where: keyOf(model, row), ...args })
    if (result === null) return nothing
    return view === undefined ? result : revealResult(result, view, next)
  }
  const revealed = view === undefined ? row : await revealResult(row, view, next)
  return isInput(revealed)
    ? Object.fromEntries(columns.flatMap((name) => (name in revealed ? [[name, revealed[name]]] : [])))
    : row
}

/** Rows as the caller asked for them, in the order in which they were written. */
async function answerMany(call: Call, steps: Steps, rows: readonly Row[]): Promise<unknown> {
  const { model } = call
  const next = steps.rewriting.next()
  const selection = withKeys(model, call.args)
  const { args, view } = rewriteSelection(model, { ...call.args, ...selection.args }, next, call.hidden)
  await next.settle()
  const found = await steps.session.answer('findMany', { where: keysFilter(model, rows), ...args })
  const revealed = (view === undefined ? found : await revealResult(found, view, next)) as Row[]
  const byKey = new Map(revealed.map((row) => [keyText(model, row), row]))
  return rows.flatMap((row) => {
    const result = byKey.get(keyText(model, row))
    return result === undefined ? [] : [Object.fromEntries(Object.entries(result).filter(([name]) => !selection.added.has(name)))]
  })
}

/** The caller's selection with the rows' keys in it. */
function withKeys(model: Model, { select, omit }: Input): { readonly args: Input; readonly added: ReadonlySet<string> } {
  const keys = keyFields(model)
  if (isInput(select)) {
    // Anything but a refusal is for Prisma to judge.
    const added = keys.filter((name) => select[name] === undefined || select[name] === false)
    return { args: { select: { ...select, ...selectOf(added) } }, added: new Set(added) }
  }
  const hides = isInput(omit) ? keys.filter((name) => omit[name] === true) : []
  const shown = Object.fromEntries(hides.map((name) => [name, false]))
  return { args: hides.length === 0 ? {} : { omit: { ...(isInput(omit) && omit), ...shown } }, added: new Set(hides) }
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'P2002'
}
