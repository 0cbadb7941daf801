import { setTimeout as sleep } from 'node:timers/promises'
import type { BoundValue, Envelope, OpenedRow } from '../envelope/contract.ts'
import { EnvelopeError } from '../errors.ts'
import type { Json } from '../plan.ts'
import { bindingOf, givenValue, isKnown, type Lookup, throughRelations, UNKNOWABLE } from './binding.ts'
import type { Call } from './call.ts'
import { type EncodedValues, encodeValues, replaceValues, scopeFrom } from './encrypted-values.ts'
import { type Input, isInput, listOf } from './input.ts'
import { compareFound } from './lookup.ts'
import type { EncryptedField, Model, Sealing } from './model.ts'
import { rewriteNestedWrites } from './nested-writes.ts'
import { place, recordedValue, rowToOpen, valueOf } from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'
import { boundIn, encryptedIn, refuseReferencedChange } from './update-data.ts'
import { type Expectation, equalitiesOf } from './where.ts'

const MAX_ATTEMPTS = 100
const MAX_PAUSE_MS = 50

type Row = Record<string, unknown>

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

/**
 * Runs an `update`. Where it writes encrypted or bound columns, the row is sealed anew under a fresh DEK:
 *
 * - all encrypted fields given, all bound columns known, and no token to compare: one statement, which matches only if the row holds just these
 *   fields, so that fields which this plan does not know are never lost;
 * - else: read, merge, and write by compare-and-swap on the old envelope, again and again until no other writer came between.
 *
 * @throws EnvelopeError `CONFLICT` after 100 lost races; `UNSUPPORTED` for nested writes that can't stand beside a compare-and-swap.
 */
export async function runUpdate(update: Update): Promise<unknown> {
  const { call, rewriting, original } = update
  const { model } = call
  const { data } = original
  // Prisma's own error.
  if (!isInput(data)) return call.query(update.args)
  refuseReferencedChange(model, data, rewriting)
  const { sealing } = model
  const reseals =
    sealing !== undefined &&
    (encryptedIn(sealing, data, rewriting).length > 0 ||
      boundIn(model, sealing, data, rewriting).length > 0 ||
      !rewriting.isAbsent(data[sealing.field]))
  if (!reseals) {
    const out: Row = { ...data }
    const parent = valuesAfterUpdate(model, data, original['where'], rewriting)
    rewriteNestedWrites(model, out, 'owning', parent, rewriting)
    rewriteNestedWrites(model, out, 'owned', parent, rewriting)
    await rewriting.settle()
    return call.query({ ...update.args, data: out })
  }
  const values = encodeValues(model, sealing, data, rewriting)
  refuseNestedWrites(model, data, rewriting)
  const known = valuesAfterUpdate(model, data, original['where'], rewriting)
  // A row found by a token is compared before anything is sealed into it.
  const complete =
    values.size === sealing.encrypted.length &&
    sealing.bound.every(({ name }) => isKnown(known(name))) &&
    update.expectations.length === 0
  if (complete) {
    try {
      return await writeWhole(update, sealing, data, values, known)
    } catch (error) {
      if (!isNotFound(error) || call.transaction === 'batch') throw error
      return mergeUntilWritten(update, sealing, data, values, error)
    }
  }
  return mergeUntilWritten(update, sealing, data, values)
}

/** Columns of the row once it is updated, as far as `data` and the equalities of `where` tell. */
function valuesAfterUpdate(model: Model, data: Input, where: unknown, rewriting: Rewriting): Lookup {
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

/** Only what Prisma folds into the one UPDATE that carries the compare-and-swap may stand beside it. */
function refuseNestedWrites(model: Model, data: Input, rewriting: Rewriting): void {
  for (const relation of model.relations.values()) {
    const write = data[relation.name]
    if (rewriting.isAbsent(write) || !isInput(write)) continue
    const operations = Object.keys(write).filter((operation) => !rewriting.isAbsent(write[operation]))
    if (operations.length === 0) continue
    const folded =
      relation.plan.from.length > 0 &&
      operations.every((name) => name === 'connect' || (name === 'disconnect' && write[name] === true))
    if (!folded) {
      throw rewriting.error(
        'UNSUPPORTED',
        `nested writes of ${relation.name} can't stand in one \`update\` with encrypted or bound fields: make two operations of it, in a transaction`,
        model,
      )
    }
  }
}

async function writeWhole(update: Update, sealing: Sealing, data: Input, values: EncodedValues, known: Lookup): Promise<unknown> {
  const { call, rewriting } = update
  const binding = bindingOf(call.model, sealing, known, rewriting)
  const record = Object.fromEntries([...values].map(([field, value]) => [field.identity, value]))
  const args = await sealedArgs(update, sealing, data, values, binding, record)
  return call.query(withCondition(args, sealing, { path: ['fs'], equals: sealing.fieldSet }, rewriting))
}

async function mergeUntilWritten(
  update: Update,
  sealing: Sealing,
  data: Input,
  values: EncodedValues,
  notFound?: Error,
): Promise<unknown> {
  const { call, rewriting } = update
  if (call.transaction === 'batch') {
    throw rewriting.error(
      'UNSUPPORTED',
      'this update has to read the row before it writes it, which a batch transaction does not allow: use an interactive transaction, or give all encrypted fields and all that the row is bound to, and find it by its primary key',
      call.model,
    )
  }
  let lost: { envelope: string; error: unknown } | undefined
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    if (attempt > 0) await sleep(Math.random() * Math.min(MAX_PAUSE_MS, 2 ** attempt))
    const row = await call.read({ where: update.args['where'], select: selectForMerge(sealing) })
    if (!isInput(row)) {
      if (notFound !== undefined) throw notFound
      // Prisma's own error, from an update that can't match.
      return call.query(withCondition({ ...update.args, data: {} }, sealing, { path: ['fs'], equals: '' }, rewriting))
    }
    const opened = await open(row, call.model, sealing, rewriting)
    await compareFound(row, opened, call.model, update.expectations, rewriting)
    // jsonb has one spelling for equal values: the row is as it was, so that something else in the caller's `where` or data was not found.
    const envelope = JSON.stringify(row[sealing.field])
    if (lost?.envelope === envelope) throw lost.error
    const merged = merge(row, opened, call.model, sealing, values, rewriting)
    const after = valuesOfMerged(call.model, sealing, data, row, rewriting)
    const binding = bindingOf(call.model, sealing, after, rewriting)
    const rewritten = new Map([...values, ...rescoped(call.model, sealing, data, merged, values, rewriting)])
    const args = await sealedArgs(update, sealing, data, rewritten, binding, merged)
    try {
      return await call.query(withCondition(args, sealing, { equals: row[sealing.field] }, rewriting))
    } catch (error) {
      if (!isNotFound(error)) throw error
      lost = { envelope, error }
    }
  }
  throw rewriting.error('CONFLICT', `other writers changed the row ${MAX_ATTEMPTS} times in between; try again later`, call.model)
}

function selectForMerge(sealing: Sealing): Input {
  return Object.fromEntries(
    [sealing.field, ...sealing.needed, ...sealing.encrypted.map((field) => field.name)].map((name) => [name, true]),
  )
}

async function open(row: Row, model: Model, sealing: Sealing, rewriting: Rewriting): Promise<OpenedRow> {
  const [opened] = await rewriting.tools.cipher.open([rowToOpen(row, model, sealing, rewriting)])
  if (opened === undefined || opened instanceof EnvelopeError) {
    throw (opened ?? new EnvelopeError('CANNOT_OPEN', 'the row was not opened')).at(place(row, model, rewriting))
  }
  return opened
}

/** The row's record with the new values in it; fields that this plan does not know are carried along as they are. */
function merge(
  row: Row,
  opened: OpenedRow,
  model: Model,
  sealing: Sealing,
  values: EncodedValues,
  rewriting: Rewriting,
): OpenedRow['record'] {
  // No prototype, so that `__proto__` is a name like others.
  const kept: Record<string, Json> = Object.assign(Object.create(null), opened.record)
  for (const field of sealing.encrypted) {
    const value = values.get(field)
    if (value !== undefined) {
      kept[field.identity] = value
    } else {
      // Throws where the column holds something that the envelope does not know: it must not be lost by sealing over it.
      valueOf(opened, field, row[field.name], row, model, rewriting)
      kept[field.identity] ??= field.column.list === true ? [] : null
    }
  }
  return kept
}

function valuesOfMerged(model: Model, sealing: Sealing, data: Input, row: Row, rewriting: Rewriting): Lookup {
  const written = boundIn(model, sealing, data, rewriting)
  const given = valuesAfterUpdate(model, data, {}, rewriting)
  return (field) => (written.includes(field) ? given(field) : { value: row[field] })
}

/** Searchable fields that the data does not write, but whose token changes with the bound columns that scope it. */
function rescoped(
  model: Model,
  sealing: Sealing,
  data: Input,
  record: OpenedRow['record'],
  values: EncodedValues,
  rewriting: Rewriting,
): EncodedValues {
  const changed = boundIn(model, sealing, data, rewriting)
  const fields = sealing.encrypted.filter(
    (field) => !values.has(field) && field.search?.scope.some((name) => changed.includes(name)) === true,
  )
  return new Map(fields.map((field: EncryptedField) => [field, recordedValue(record, field) ?? null]))
}

async function sealedArgs(
  update: Update,
  sealing: Sealing,
  data: Input,
  values: EncodedValues,
  binding: readonly BoundValue[],
  record: OpenedRow['record'],
): Promise<Input> {
  const { call, rewriting, args } = update
  const out: Row = { ...data }
  replaceValues(out, values, scopeFrom(sealing, binding), rewriting)
  rewriteNestedWrites(call.model, out, 'owning', () => undefined, rewriting)
  rewriting.seal({ table: sealing.table, binding, record }, (envelope: Envelope) => {
    out[sealing.field] = envelope
  })
  await rewriting.settle()
  return { ...args, data: out }
}

/**
 * Adds a condition on the stored envelope. Prisma plans a query once for all values of an object, but anew for each text that `path` is compared
 * with: only what never changes may stand beside `path`.
 */
function withCondition(args: Input, sealing: Sealing, condition: Input, rewriting: Rewriting): Input {
  const where = isInput(args['where']) ? args['where'] : {}
  const and = rewriting.isAbsent(where['AND']) ? [] : listOf(where['AND'])
  return { ...args, where: { ...where, AND: [...and, { [sealing.field]: condition }] } }
}

/** Prisma's «record to update not found». */
function isNotFound(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'P2025'
}
