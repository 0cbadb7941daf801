import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenedRow } from '../envelope/contract.ts'
import { EnvelopeError } from '../errors.ts'
import type { Json, UniquePlan } from '../plan.ts'
import { bindingOf, isKnown, type Lookup } from './binding.ts'
import type { EncodedValues } from './encrypted-values.ts'
import { type Input, isInput } from './input.ts'
import { compareFound } from './lookup.ts'
import type { EncryptedField, Model, Sealing } from './model.ts'
import { place, type Row, recordedValue, rowToOpen, valueOf } from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'
import { isNotFound, sealedArgs, type Update, valuesAfterUpdate, withCondition } from './sealed-update.ts'
import { boundIn } from './update-data.ts'

const MAX_ATTEMPTS = 100
const MAX_PAUSE_MS = 50

/**
 * Reads the row, merges the new values into its record and writes it by compare-and-swap on the old envelope, again and again until no other writer
 * came between.
 *
 * @param notFound what an update that found no row threw before.
 * @throws EnvelopeError `CONFLICT` after 100 lost races.
 */
export async function mergeUntilWritten(
  update: Update,
  sealing: Sealing,
  data: Input,
  values: EncodedValues,
  notFound?: Error,
): Promise<unknown> {
  const { call, rewriting } = update
  const { model } = call
  const swap = call.transaction === 'interactive' ? swapInTransaction : swapAlone
  let lost: Lost | undefined
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    if (attempt > 0) await sleep(Math.random() * Math.min(MAX_PAUSE_MS, 2 ** attempt))
    const row = await call.read({ where: update.args['where'], select: selectForMerge(model, sealing) })
    if (row === undefined) continue
    if (!isInput(row)) {
      if (notFound !== undefined) throw notFound
      // Prisma's own error, from an update that can't match.
      return call.query(withCondition({ ...update.args, data: {} }, sealing, { path: ['fs'], equals: '' }, rewriting))
    }
    const opened = await open(row, model, sealing, rewriting)
    await compareFound(row, opened, model, update.expectations, rewriting)
    // jsonb has one spelling for equal values: the row is as it was, so that something else in the caller's `where` or data was not found.
    const envelope = JSON.stringify(row[sealing.field])
    if (lost?.error !== undefined && lost.envelope === envelope) throw lost.error
    const merged = merge(row, opened, model, sealing, values, rewriting)
    const after = valuesOfMerged(model, data, row, rewriting)
    const binding = bindingOf(model, sealing, after, rewriting)
    const rewritten = new Map([...values, ...rescoped(model, sealing, data, merged, values, rewriting)])
    const args = await sealedArgs(update, sealing, data, rewritten, binding, merged)
    const swapped = await swap({ update, sealing, args, row, after })
    if ('result' in swapped) return swapped.result
    lost = { envelope, error: swapped.lost }
  }
  throw rewriting.error('CONFLICT', `other writers changed the row ${MAX_ATTEMPTS} times in between; try again later`, model)
}

interface Lost {
  readonly envelope: string
  readonly error: Error | undefined
}

interface Swap {
  readonly update: Update
  readonly sealing: Sealing
  /** Arguments of the update, sealed. */
  readonly args: Input
  /** As it was read. */
  readonly row: Row
  readonly after: Lookup
}

type Swapped = { readonly result: unknown } | { readonly lost: Error | undefined }

/** The update itself carries the comparison. */
async function swapAlone({ update: { call, rewriting }, sealing, args, row }: Swap): Promise<Swapped> {
  try {
    return { result: await call.query(withCondition(args, sealing, { equals: row[sealing.field] }, rewriting)) }
  } catch (error) {
    if (!isNotFound(error)) throw error
    return { lost: error }
  }
}

/**
 * In an interactive transaction Prisma sends all operations of one turn of the event loop together, and once one of them fails, the others are never
 * run and yet resolve, with `undefined`. A lost race must therefore not be an error: `updateMany` counts. It also locks the row, so that the
 * update that follows for the sake of its result can't lose.
 */
async function swapInTransaction({ update: { call, rewriting }, sealing, args, row, after }: Swap): Promise<Swapped> {
  const { model } = call
  const { where } = withCondition(args, sealing, { equals: row[sealing.field] }, rewriting)
  const data = Object.entries(isInput(args['data']) ? args['data'] : {}).filter(([name]) => !model.relations.has(name))
  const unique = uniqueWhere(model, after, rewriting)
  const written = await call.updateMany({ where: filterOf(model, where), data: Object.fromEntries(data) })
  if (!isInput(written) || written['count'] !== 1) return { lost: undefined }
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const result = await call.query({ ...args, where: unique, data: {} })
    if (result !== undefined) return { result }
  }
  return { result: undefined }
}

/** A `WhereUniqueInput` as `updateMany` takes it. */
function filterOf(model: Model, where: unknown): Input {
  const entries = Object.entries(isInput(where) ? where : {})
  const compound = entries.flatMap(([name, value]) => (model.compoundUniques.has(name) ? [value] : []))
  return { AND: [Object.fromEntries(entries.filter(([name]) => !model.compoundUniques.has(name))), ...compound] }
}

/** Names the row once it is written. */
function uniqueWhere(model: Model, after: Lookup, rewriting: Rewriting): Input {
  const [unique] = uniqueKey(model)
  const values = (unique?.fields ?? []).map((field) => {
    const found = after(field)
    if (isKnown(found)) return [field, found.value] as const
    throw rewriting.error(
      'UNSUPPORTED',
      "a key can't change by arithmetic in one `update` with encrypted or bound fields",
      model,
      field,
    )
  })
  const key = Object.fromEntries(values)
  return unique === undefined || values.length === 1 ? key : { [unique.name]: key }
}

/** The primary key, or what stands in for it. */
function uniqueKey({ plan }: Model): readonly UniquePlan[] {
  const isPrimary = ({ fields }: UniquePlan) =>
    fields.length === plan.primaryKey.length && fields.every((name, i) => name === plan.primaryKey[i])
  return plan.uniques.filter((unique) => plan.primaryKey.length === 0 || isPrimary(unique)).slice(0, 1)
}

function selectForMerge(model: Model, sealing: Sealing): Input {
  const names = [sealing.field, ...sealing.needed, ...uniqueKey(model).flatMap(({ fields }) => fields), ...sealing.byName.keys()]
  return Object.fromEntries(names.map((name) => [name, true]))
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

function valuesOfMerged(model: Model, data: Input, row: Row, rewriting: Rewriting): Lookup {
  const given = valuesAfterUpdate(model, data, {}, rewriting)
  return (field) => given(field) ?? { value: row[field] }
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
