import type { SealedRecord } from '../envelope/contract.ts'
import { EnvelopeError } from '../errors.ts'
import type { Json } from '../plan.ts'
import { bindingOf, type Lookup } from './binding.ts'
import { openRows, subjectBy, subjectOf } from './cipher-border.ts'
import { type EncodedValues, namesOf, replaceValues, scopeFrom } from './encrypted-values.ts'
import { type Input, isInput } from './input.ts'
import type { EncryptedField, Model, Sealing } from './model.ts'
import {
  decoded,
  isUnsealed,
  place,
  plaintextFound,
  type Row,
  type RowRecord,
  recordedValue,
  reportForeignWrite,
  rowToOpen,
  sourceOf,
  UNSEALED,
  valueOf,
  valueOfColumn,
} from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'
import { rowToSeal } from './row-context.ts'
import { valuesAfterUpdate } from './sealed-update.ts'
import { boundIn, isGiven } from './update-data.ts'

/**
 * Opens rows that were read with all that resealing takes; those without an envelope are {@link UNSEALED}, where the model's mode allows any.
 *
 * @param fields those whose values the caller gets.
 */
export async function openAll(
  rows: readonly Row[],
  model: Model,
  sealing: Sealing,
  rewriting: Rewriting,
  fields: readonly string[] = [],
): Promise<readonly RowRecord[]> {
  const sealed = rows.filter((row) => !isUnsealed(row, sealing))
  const results = await openRows(
    sealed.map((row) => rowToOpen(row, model, sealing, rewriting)),
    (i) => subjectOf(model, sealed[i] ?? {}, fields),
    rewriting,
  )
  let next = 0
  return rows.map((row) => {
    if (isUnsealed(row, sealing)) return UNSEALED
    const opened = results[next++]
    if (opened !== undefined && !(opened instanceof EnvelopeError)) return opened
    throw (opened ?? new EnvelopeError('CANNOT_OPEN', 'the row was not opened')).at(place(row, model, rewriting))
  })
}

/** What a row is to hold: new values, and those of its own that stay. */
export interface Merged {
  /** Undefined where nothing is sealed: the row is to have no envelope then. */
  readonly record: SealedRecord | undefined
  /** Fields whose columns change though `data` does not give them: to a placeholder or another token. */
  readonly beside: EncodedValues
  /** Plaintext that the record gives back to columns. */
  readonly restored: Row
  /** Fields that something else has written to. */
  readonly foreign: readonly EncryptedField[]
  /**
   * Whether columns change that `data` does not give. Writers that know no envelopes change such columns without changing the envelope: comparing it would
   * not notice them, so that the row must be locked before it is read.
   */
  readonly isExclusive: boolean
}

/**
 * Merges new values into a row. Of fields that are written sealed, values that only their columns hold are taken into the record; of those that are
 * written in the clear, values that the record holds go back to their columns. Fields that this plan does not know are carried along as they are.
 *
 * @param values of `data`
 * @throws EnvelopeError `FOREIGN_WRITE` and `PLAINTEXT_FOUND` for `strict` fields, whose columns must not be lost by sealing over them; `INVALID_VALUE`
 * where a value that a column holds can't be sealed.
 */
export function merge(
  row: Row,
  opened: RowRecord,
  model: Model,
  sealing: Sealing,
  data: Input,
  values: EncodedValues,
  rewriting: Rewriting,
): Merged {
  if (opened === UNSEALED && sealing.hasStrict) throw plaintextFound(row, model, rewriting)
  // No prototype, so that `__proto__` is a name like others.
  const record: Record<string, Json> = Object.assign(Object.create(null), opened.record)
  const taken = new Map<EncryptedField, Json>()
  const restored: Row = {}
  const foreign: EncryptedField[] = []
  for (const field of sealing.encrypted) {
    const held = row[field.name]
    const value = values.get(field)
    if (value !== undefined) {
      record[field.identity] = value
    } else if (field.mode === 'strict') {
      valueOf(opened, field, held, row, model, rewriting)
      record[field.identity] ??= field.column.list === true ? [] : null
    } else if (field.mode === 'plain' && isGiven(data[field.name], rewriting)) {
      delete record[field.identity]
    } else {
      const source = sourceOf(opened, field, held)
      if (source === 'foreign') foreign.push(field)
      if (field.mode === 'plain') {
        const kept = recordedValue(record, field)
        if (source === 'record' && kept !== undefined && kept !== null) {
          restored[field.name] = inputOf(kept, field, row, model, rewriting)
        }
        delete record[field.identity]
      } else if (source !== 'record') {
        const own = encodedColumn(field, held, row, model, rewriting)
        record[field.identity] = own
        if (own !== null) taken.set(field, own)
      }
    }
  }
  const isEmpty = sealing.sealed.length === 0 && Object.keys(record).length === 0
  const rescoped = scopedBy(sealing, boundIn(model, sealing, data, rewriting), record, values)
  const isExclusive =
    sealing.tolerant && (taken.size > 0 || Object.keys(restored).length > 0 || [...rescoped.values()].some((own) => own !== null))
  return {
    record: isEmpty ? undefined : record,
    beside: new Map([...rescoped, ...taken]),
    restored,
    foreign,
    isExclusive,
  }
}

/** A recorded value as an input of Prisma's. */
function inputOf(value: Json, field: EncryptedField, row: Row, model: Model, rewriting: Rewriting): unknown {
  const plain = decoded(value, field, row, model, rewriting)
  return plain === null ? rewriting.tools.prisma.JsonNull : plain
}

function encodedColumn(field: EncryptedField, held: unknown, row: Row, model: Model, rewriting: Rewriting): Json {
  const plain = valueOfColumn(field, held, row, model, rewriting)
  try {
    return field.codec.encode(plain)
  } catch {
    // Neither the codec's error nor PostgreSQL's was made for a value that nobody gives here.
    const reason = 'the value that the column holds can not be sealed: write another one to it first, in mode `plain`'
    throw new EnvelopeError('INVALID_VALUE', reason, place(row, model, rewriting, field.name))
  }
}

/**
 * The data of an update of a row that was read: the caller's columns, and with them the row's new envelope and what else changes.
 *
 * @param data columns alone
 * @returns to be used once `rewriting` is settled.
 */
export function mergedData(
  row: Row,
  merged: Merged,
  model: Model,
  sealing: Sealing,
  data: Input,
  values: EncodedValues,
  rewriting: Rewriting,
): Record<string, unknown> {
  const { record, beside, restored } = merged
  const out: Record<string, unknown> = { ...data, ...restored }
  if (record === undefined) {
    out[sealing.field] = rewriting.tools.prisma.DbNull
    return out
  }
  const after = valuesOfMerged(model, data, row, rewriting)
  const binding = bindingOf(model, sealing, after, rewriting)
  replaceValues(out, new Map([...values, ...beside]), scopeFrom(sealing, binding), rewriting)
  const subject = () => subjectBy(model, after, namesOf(values))
  rewriting.seal(rowToSeal(model, sealing, binding, record, rewriting, row[sealing.field]), subject, (envelope) => {
    out[sealing.field] = envelope
  })
  return out
}

/** Tells of the foreign values that a row was merged with, once it is written. */
export function reportForeignWrites(row: Row, { foreign }: Merged, model: Model, rewriting: Rewriting): void {
  for (const field of foreign) reportForeignWrite(row, model, field, rewriting)
}

/** A condition that the row still has the envelope that it was read with, or none. */
export function unchangedEnvelope(row: Row, sealing: Sealing, rewriting: Rewriting): Input {
  return { equals: row[sealing.field] ?? rewriting.tools.prisma.DbNull }
}

/** Columns of a row that was read, once it is updated. */
export function valuesOfMerged(model: Model, data: Input, row: Row, rewriting: Rewriting): Lookup {
  const given = valuesAfterUpdate(model, data, {}, rewriting)
  return (field) => calculated(data[field], row[field]) ?? given(field) ?? { value: row[field] }
}

type Whole = number | bigint

const ARITHMETIC: Readonly<Record<string, (held: bigint, by: bigint) => bigint>> = {
  increment: (held, by) => held + by,
  decrement: (held, by) => held - by,
  multiply: (held, by) => held * by,
  divide: (held, by) => held / by,
}

/** What PostgreSQL will make of a whole number; rows are bound to no others. NULL stays NULL, and a division truncates. */
function calculated(change: unknown, held: unknown): { readonly value: Whole | null } | undefined {
  const [operator, ...others] = isInput(change) ? Object.keys(change) : []
  if (!isInput(change) || operator === undefined || others.length > 0) return undefined
  const by = change[operator]
  const calculate = Object.hasOwn(ARITHMETIC, operator) ? ARITHMETIC[operator] : undefined
  if (calculate === undefined || !isWhole(by)) return undefined
  if (held === null) return { value: null }
  // PostgreSQL refuses to divide by zero.
  if (!isWhole(held) || (operator === 'divide' && BigInt(by) === 0n)) return undefined
  const value = calculate(BigInt(held), BigInt(by))
  return { value: typeof held === 'bigint' ? value : Number(value) }
}

function isWhole(value: unknown): value is Whole {
  return typeof value === 'bigint' || Number.isInteger(value)
}

/** Searchable fields without a new value, whose tokens are scoped by one of the columns `changed`. */
export function scopedBy(
  sealing: Sealing,
  changed: readonly string[],
  record: SealedRecord,
  values: EncodedValues,
): EncodedValues {
  const fields = sealing.encrypted.filter(
    (field) => !values.has(field) && field.search?.scope.some((name) => changed.includes(name)) === true,
  )
  return new Map(fields.map((field: EncryptedField) => [field, recordedValue(record, field) ?? null]))
}
