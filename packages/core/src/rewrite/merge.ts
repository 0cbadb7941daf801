import type { OpenedRow, SealedRecord } from '../envelope/contract.ts'
import { EnvelopeError } from '../errors.ts'
import type { Json } from '../plan.ts'
import type { Lookup } from './binding.ts'
import type { EncodedValues } from './encrypted-values.ts'
import { type Input, isInput } from './input.ts'
import type { EncryptedField, Model, Sealing } from './model.ts'
import { place, type Row, recordedValue, rowToOpen, valueOf } from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'
import { valuesAfterUpdate } from './sealed-update.ts'
import { boundIn } from './update-data.ts'

/** Opens rows that were read with all that resealing takes. */
export async function openAll(
  rows: readonly Row[],
  model: Model,
  sealing: Sealing,
  rewriting: Rewriting,
): Promise<readonly OpenedRow[]> {
  const results = await rewriting.tools.cipher.open(rows.map((row) => rowToOpen(row, model, sealing, rewriting)))
  return rows.map((row, i) => {
    const opened = results[i]
    if (opened !== undefined && !(opened instanceof EnvelopeError)) return opened
    throw (opened ?? new EnvelopeError('CANNOT_OPEN', 'the row was not opened')).at(place(row, model, rewriting))
  })
}

/** The row's record with the new values in it; fields that this plan does not know are carried along as they are. */
export function merge(
  row: Row,
  opened: OpenedRow,
  model: Model,
  sealing: Sealing,
  values: EncodedValues,
  rewriting: Rewriting,
): SealedRecord {
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

/** Searchable fields that the data does not write, but whose token changes with the bound columns that scope it. */
export function rescoped(
  model: Model,
  sealing: Sealing,
  data: Input,
  record: SealedRecord,
  values: EncodedValues,
  rewriting: Rewriting,
): EncodedValues {
  return scopedBy(sealing, boundIn(model, sealing, data, rewriting), record, values)
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
