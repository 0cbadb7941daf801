import type { OpenedRow, RowToOpen, SealedRecord } from '../envelope/contract.ts'
import { EnvelopeError, type ErrorPlace } from '../errors.ts'
import type { Json } from '../plan.ts'
import type { EncryptedField, Model, Sealing } from './model.ts'
import type { Rewriting } from './rewriting.ts'
import { requireContext } from './row-context.ts'

/** A row as Prisma returns it, by field name. */
export type Row = Record<string, unknown>

/** What a row was sealed with. */
export type RowRecord = Pick<OpenedRow, 'record'>

/** Of a row without an envelope: all its values stand in its columns. */
export const UNSEALED: RowRecord = Object.freeze({ record: Object.freeze({}) })

export function hasEnvelope(row: Row, { field }: Sealing): boolean {
  return row[field] !== null && row[field] !== undefined
}

/** Whether a row has no envelope, and need not have one. */
export function isUnsealed(row: Row, sealing: Sealing): boolean {
  return sealing.tolerant && !hasEnvelope(row, sealing)
}

/**
 * A row as read, as a request to open it.
 *
 * @throws EnvelopeError `PLAINTEXT_FOUND` where it has no envelope; `CONTEXT_MISMATCH` where it is under a context that its reader may not see.
 */
export function rowToOpen(row: Row, model: Model, sealing: Sealing, rewriting: Rewriting): RowToOpen {
  const envelope = row[sealing.field]
  if (envelope === null || envelope === undefined) throw plaintextFound(row, model, rewriting)
  const binding = sealing.bound.map(({ name, column }) => rewriting.tools.bind(column, row[name]))
  requireContext(model, sealing, binding, envelope, rewriting, () => place(row, model, rewriting))
  return { table: sealing.table, binding, envelope }
}

export function plaintextFound(row: Row, model: Model, rewriting: Rewriting, field?: string): EnvelopeError {
  const what = field === undefined ? 'the row has no envelope' : 'the row was sealed before this field was annotated'
  return new EnvelopeError(
    'PLAINTEXT_FOUND',
    `${what}: encrypt existing rows (\`prisma-envelope-cli encrypt ${model.name}\`), in mode \`dual\` until none is left`,
    place(row, model, rewriting, field),
  )
}

/** Names the row in an error. */
export function place(row: Row, model: Model, rewriting: Rewriting, field?: string): ErrorPlace {
  const primaryKey = Object.fromEntries(model.plan.primaryKey.map((name) => [name, row[name]]))
  return { model: model.name, field, operation: rewriting.operation, primaryKey }
}

/** A field's value as it was sealed. A record inherits from Object.prototype, but a column may be called `constructor`. */
export function recordedValue(record: SealedRecord, { identity }: EncryptedField): Json | undefined {
  return Object.hasOwn(record, identity) ? record[identity] : undefined
}

/** Where the value of a field stands: in the record, or in its column, which is newer where something else than this extension wrote to it. */
export type Source = 'record' | 'column' | 'foreign'

/** A column of a sealed row holds null exactly where the value is null, else its placeholder or a token. */
export function sourceOf({ record }: RowRecord, field: EncryptedField, held: unknown): Source {
  const value = recordedValue(record, field)
  if (value === undefined) return 'column'
  if (value === null) return held === null ? 'record' : 'foreign'
  return held !== null && isStandIn(field, held) ? 'record' : 'foreign'
}

/** A text may hold either: rows stay as they are when `searchable` is added or taken away, until their tokens are written anew. */
function isStandIn({ codec, column }: EncryptedField, held: unknown): boolean {
  return codec.isPlaceholder(held) || (column.type === 'String' && isToken(held))
}

/**
 * The value of a field, after comparing what its column holds. In the modes `plain` and `dual` the column's value is the field's where the record has
 * none, and where something else wrote to it, which is reported.
 *
 * @throws EnvelopeError `FOREIGN_WRITE`, `PLAINTEXT_FOUND`, `CANNOT_OPEN`
 */
export function valueOf(
  opened: RowRecord,
  field: EncryptedField,
  held: unknown,
  row: Row,
  model: Model,
  rewriting: Rewriting,
): unknown {
  const value = recordedValue(opened.record, field)
  if (field.mode !== 'strict') {
    const source = sourceOf(opened, field, held)
    if (source === 'foreign') reportForeignWrite(row, model, field, rewriting)
    if (source !== 'record' || value === undefined) return valueOfColumn(field, held, row, model, rewriting)
  } else if (value === undefined) {
    if (opened === UNSEALED) throw plaintextFound(row, model, rewriting)
    if (held === null) return null
    // An empty list is what its column would hold in either case.
    if (field.column.list === true && field.codec.isPlaceholder(held)) return []
    throw plaintextFound(row, model, rewriting, field.name)
  } else if (value === null) {
    if (held !== null) throw foreignWrite(row, model, field, rewriting, 'holds a value where the envelope holds null')
  } else {
    if (held === null) throw foreignWrite(row, model, field, rewriting, 'holds NULL where the envelope holds a value')
    if (!isStandIn(field, held)) throw foreignWrite(row, model, field, rewriting, 'holds neither its placeholder nor a token')
  }
  return value === null ? null : decoded(value, field, row, model, rewriting)
}

/**
 * A column's value that stands for itself.
 *
 * @throws EnvelopeError `FOREIGN_WRITE` where it is a token, whose value went with an envelope.
 */
export function valueOfColumn(field: EncryptedField, held: unknown, row: Row, model: Model, rewriting: Rewriting): unknown {
  if (field.search === undefined || !isToken(held)) return held
  throw foreignWrite(row, model, field, rewriting, 'holds a token, but no envelope holds its value')
}

/** A recorded value as Prisma would have returned it. */
export function decoded(value: Json, field: EncryptedField, row: Row, model: Model, rewriting: Rewriting): unknown {
  try {
    return field.codec.decode(value)
  } catch (error) {
    throw error instanceof EnvelopeError ? error.at(place(row, model, rewriting, field.name)) : error
  }
}

export function reportForeignWrite(row: Row, model: Model, field: EncryptedField, rewriting: Rewriting): void {
  const { primaryKey = {} } = place(row, model, rewriting)
  rewriting.tools.reportForeignWrite({
    model: model.name,
    field: field.name,
    primaryKey,
    operation: rewriting.operation,
  })
}

export function foreignWrite(row: Row, model: Model, field: EncryptedField, rewriting: Rewriting, what: string): EnvelopeError {
  return new EnvelopeError(
    'FOREIGN_WRITE',
    `the column ${what}; something other than this extension wrote to it`,
    place(row, model, rewriting, field.name),
  )
}

const TOKEN = /^~[\w-]{4}\.[\w-]{43} *$/

/** Char(n) pads what it returns. */
export function isToken(held: unknown): boolean {
  return typeof held === 'string' && TOKEN.test(held)
}
