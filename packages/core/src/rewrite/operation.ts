import { mayStandInForms } from './alternatives.ts'
import type { Call } from './call.ts'
import { tellingRefusals } from './cipher-border.ts'
import { rewriteCreate, rewriteCreateMany } from './create.ts'
import { encodeValues } from './encrypted-values.ts'
import type { Expectation } from './field-filter.ts'
import { runGroupBy } from './group-by.ts'
import { type Input, isInput } from './input.ts'
import { NeedsSteps, onlyIfTaken } from './needs-steps.ts'
import { rewriteNestedData } from './nested-writes.ts'
import { refuseAggregates } from './refuse.ts'
import { mayAnswerWithOthersRows, undoingRefused } from './refused-results.ts'
import { revealResult } from './reveal.ts'
import { Rewriting, type Tools } from './rewriting.ts'
import { checksContexts } from './row-context.ts'
import { rewriteReadConditions, rewriteSelection, type View, withoutOwnEnvelope } from './selection.ts'
import { createInSteps, createManyInSteps, updateInSteps, updateManyInSteps, upsertInSteps } from './steps/whole-operations.ts'
import { resolveUniques } from './unique-lookups.ts'
import { runUpdate } from './update.ts'
import { encryptedIn, refuseSealedChange, reseals } from './update-data.ts'
import { rewriteUniqueWhere, rewriteWhere } from './where.ts'

/**
 * Runs one operation of Prisma Client on a model that has, or leads to, encrypted fields: rewrites its arguments, runs it, reveals its result.
 * The caller's arguments are not changed.
 *
 * @throws EnvelopeError see {@link EnvelopeErrorCode}; what PostgreSQL or Prisma refuse is Prisma's own error.
 */
export function runOperation(call: Call, tools: Tools): Promise<unknown> {
  const rewriting = new Rewriting(tools, call.operation)
  const run = (): Promise<unknown> =>
    mayAnswerWithOthersRows(call, rewriting)
      ? undoingRefused(call, rewriting, (within, own = tools) => runChosen(within, own))
      : runChosen(call, tools, rewriting)
  return tools.accesses.isOn ? tellingRefusals(rewriting, run) : run()
}

function runChosen(call: Call, tools: Tools, rewriting: Rewriting = new Rewriting(tools, call.operation)): Promise<unknown> {
  return mayStandInForms(call.model, rewriting) ? runInForms(call, tools, rewriting) : runResolved(call, call, tools, rewriting)
}

/** {@link runOperation} while values may stand in several forms: rows that are named by them are looked for first. */
async function runInForms(call: Call, tools: Tools, rewriting: Rewriting): Promise<unknown> {
  try {
    const session = call.transaction === 'batch' ? undefined : call.session
    const args = await resolveUniques(call.model, call.operation, call.args, session, rewriting)
    return await runResolved({ ...call, args }, call, tools, rewriting)
  } catch (error) {
    throw error instanceof NeedsSteps ? error.refusal : error
  }
}

/** @param given as the caller gave it. */
function runResolved(call: Call, given: Call, tools: Tools, rewriting: Rewriting): Promise<unknown> {
  switch (call.operation) {
    case 'findUnique':
    case 'findUniqueOrThrow':
    case 'delete':
      return read(call, rewriting, rewriteUniqueWhere)
    case 'findFirst':
    case 'findFirstOrThrow':
    case 'findMany':
      return read(call, rewriting)
    case 'count':
    case 'aggregate':
    case 'deleteMany':
      return summarize(call, rewriting)
    case 'groupBy':
      return inOneQuery(call, summarize(call, rewriting))
    case 'create':
      return inOneQuery(call, create(call, rewriting), () => createInSteps(call))
    case 'createMany':
    case 'createManyAndReturn':
      return inOneQuery(call, createMany(call, rewriting), () => createManyInSteps(call))
    case 'update':
      return inOneQuery(call, update(call, rewriting), () => updateInSteps(call))
    case 'updateMany':
    case 'updateManyAndReturn':
      return inOneQuery(call, updateMany(call, rewriting), () => updateManyInSteps(call))
    case 'upsert':
      return inOneQuery(call, upsert(call, rewriting), () => upsertInSteps(given, tools))
    default:
      return Promise.reject(
        rewriting.error(
          'UNSUPPORTED',
          `the operation ${call.operation} is not known to this version of prisma-envelope`,
          call.model,
        ),
      )
  }
}

/** Most writes are one query; those that can't be say so before they write anything. */
async function inOneQuery(call: Call, result: Promise<unknown>, inSteps?: () => Promise<unknown>): Promise<unknown> {
  try {
    return await result
  } catch (error) {
    if (!(error instanceof NeedsSteps)) throw error
    if (inSteps === undefined || call.transaction === 'batch') throw error.refusal
  }
  try {
    return await inSteps()
  } catch (error) {
    throw error instanceof NeedsSteps ? error.refusal : error
  }
}

async function read(call: Call, rewriting: Rewriting, rewrite = rewriteWhere): Promise<unknown> {
  const expectations: Expectation[] = []
  const conditions = rewriteReadConditions(call.model, call.args, rewriting, expectations, rewrite)
  return query(call, rewriting, { ...call.args, ...conditions }, expectations)
}

/** Runs the operation with its selection rewritten, and reveals what comes back. */
async function query(call: Call, rewriting: Rewriting, args: Input, expectations: readonly Expectation[] = []): Promise<unknown> {
  const { args: selection, view } = rewriteSelection(call.model, call.args, rewriting, call.hidden, expectations)
  await rewriting.settle()
  const result = await call.query({ ...args, ...selection })
  return view === undefined ? result : revealResult(result, view, rewriting)
}

async function summarize(call: Call, rewriting: Rewriting): Promise<unknown> {
  refuseAggregates(call.model, call.args, rewriting)
  const conditions = rewriteReadConditions(call.model, call.args, rewriting)
  await rewriting.settle()
  const args = { ...call.args, ...conditions }
  return call.operation === 'groupBy' ? runGroupBy(call, args, rewriting) : call.query(args)
}

async function create(call: Call, rewriting: Rewriting): Promise<unknown> {
  const { model } = call
  // Where every field may be left out, so may `data`; the row needs an envelope all the same.
  const given = rewriting.isAbsent(call.args['data']) ? {} : call.args['data']
  const data = rewriteCreate(model, given, rewriting)
  const whole = rewriteSelection(model, call.args, rewriting, call.hidden)
  const knows = knowsEnvelope(call)
  const { args: selection, view } = knows ? withoutOwnEnvelope(whole) : whole
  await rewriting.settle()
  const result = await call.query({ ...call.args, data, ...selection })
  if (view === undefined) return result
  const envelope = model.sealing !== undefined && isInput(data) ? data[model.sealing.field] : undefined
  return revealResult(knows ? withOwnEnvelope(result, view, envelope) : result, view, rewriting)
}

/**
 * Whether a row that an operation has sealed comes back as it wrote it. Inside an interactive transaction another operation of the same transaction may
 * write the row between the statement and the reading of its result; elsewhere the row is locked until then.
 */
function knowsEnvelope({ transaction }: Call): boolean {
  return transaction !== 'interactive'
}

/** A row that was selected by {@link withoutOwnEnvelope}, as it would have come back with its envelope. */
function withOwnEnvelope(row: unknown, { model: { sealing }, opens, strip }: View, envelope: unknown): unknown {
  return sealing !== undefined && opens && strip.has(sealing.field) && isInput(row) ? { ...row, [sealing.field]: envelope } : row
}

async function createMany(call: Call, rewriting: Rewriting): Promise<unknown> {
  const args = { ...call.args, data: rewriteCreateMany(call.model, call.args['data'], rewriting) }
  if (call.operation === 'createManyAndReturn') return query(call, rewriting, args)
  await rewriting.settle()
  return call.query(args)
}

async function update(call: Call, rewriting: Rewriting): Promise<unknown> {
  const { model } = call
  const expectations: Expectation[] = []
  const where = rewriteUniqueWhere(model, call.args['where'], rewriting, expectations)
  const data = isInput(call.args['data']) ? call.args['data'] : {}
  const written = model.sealing === undefined ? [] : encryptedIn(model.sealing, data, rewriting)
  const lasting = expectations.filter(({ field }) => !written.includes(field.name))
  const whole = rewriteSelection(model, call.args, rewriting, call.hidden, lasting)
  const knows = knowsEnvelope(call) && reseals(model, data, rewriting)
  const { args: selection, view } = knows ? withoutOwnEnvelope(whole) : whole
  await rewriting.settle()
  const result = await runUpdate({
    call,
    rewriting,
    original: call.args,
    args: { ...call.args, ...selection, where },
    expectations,
  })
  if (view === undefined) return result
  return revealResult(knows ? withOwnEnvelope(result, view, rewriting.sealedRows.latest) : result, view, rewriting)
}

async function updateMany(call: Call, rewriting: Rewriting): Promise<unknown> {
  const { sealing } = call.model
  const { data } = call.args
  // What can't be sealed is refused before a transaction is opened for it.
  if (sealing !== undefined && isInput(data)) encodeValues(call.model, sealing, data, rewriting)
  refuseSealedChange(call.model, data, rewriting)
  const where = 'where' in call.args ? { where: rewriteWhere(call.model, call.args['where'], rewriting) } : {}
  const args = { ...call.args, ...where }
  if (call.operation === 'updateManyAndReturn') return query(call, rewriting, args)
  await rewriting.settle()
  return call.query(args)
}

async function upsert(call: Call, rewriting: Rewriting): Promise<unknown> {
  const { model, args } = call
  const expectations: Expectation[] = []
  const where = rewriteUniqueWhere(model, args['where'], rewriting, expectations)
  // What a token finds is compared before it is changed, and its new value need not be the one that it was found by.
  if (expectations.length > 0)
    throw new NeedsSteps(rewriting.error('UNSUPPORTED', 'an `upsert` by an encrypted field takes several queries', model))
  if (call.transaction === 'none' && checksContexts(rewriting))
    throw new NeedsSteps(rewriting.error('UNSUPPORTED', 'an `upsert` under `context` may have to be undone', model))
  return query(call, rewriting, {
    ...args,
    where,
    create: onlyIfTaken(model, rewriting, () => rewriteCreate(model, args['create'], rewriting)),
    update: onlyIfTaken(model, rewriting, () => rewriteNestedData(model, args['update'], rewriting)),
  })
}
