import type { OpenedRow, RowToOpen, SealedRecord } from '../envelope/contract.ts'
import { EnvelopeError, type ErrorPlace } from '../errors.ts'
import type { Json } from '../plan.ts'
import type { EncryptedField, Model, Sealing } from './model.ts'
import type { Rewriting } from './rewriting.ts'

/** A row as Prisma returns it, by field name. */
export type Row = Record<string, unknown>

/**
 * A row as read, as a request to open it.
 *
 * @throws EnvelopeError `PLAINTEXT_FOUND` where it has no envelope.
 */
export function rowToOpen(row: Row, model: Model, sealing: Sealing, rewriting: Rewriting): RowToOpen {
  const envelope = row[sealing.field]
  if (envelope === null || envelope === undefined) {
    throw new EnvelopeError(
      'PLAINTEXT_FOUND',
      'the row has no envelope; encrypt existing rows before reading them in strict mode',
      place(row, model, rewriting),
    )
  }
  return {
    table: sealing.table,
    binding: sealing.bound.map(({ name, column }) => rewriting.tools.bind(column, row[name])),
    envelope,
  }
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

/**
 * The value of a field, after comparing what its column holds: null exactly where the value is null, else its placeholder or a token.
 *
 * @throws EnvelopeError `FOREIGN_WRITE`, `PLAINTEXT_FOUND`, `CANNOT_OPEN`
 */
export function valueOf(
  opened: OpenedRow,
  field: EncryptedField,
  held: unknown,
  row: Row,
  model: Model,
  rewriting: Rewriting,
): unknown {
  const value = recordedValue(opened.record, field)
  if (value === undefined) {
    if (held === null) return null
    // An empty list is what its column would hold in either case.
    if (field.column.list === true && field.codec.isPlaceholder(held)) return []
    throw new EnvelopeError(
      'PLAINTEXT_FOUND',
      'the row was sealed before this field was annotated; encrypt existing rows before reading them in strict mode',
      place(row, model, rewriting, field.name),
    )
  }
  if (value === null) {
    if (held !== null) throw foreignWrite(row, model, field, rewriting, 'holds a value where the envelope holds null')
    return null
  }
  if (held === null) throw foreignWrite(row, model, field, rewriting, 'holds NULL where the envelope holds a value')
  const expected = field.search === undefined ? field.codec.isPlaceholder(held) : isToken(held)
  if (!expected) throw foreignWrite(row, model, field, rewriting, 'holds neither its placeholder nor a token')
  try {
    return field.codec.decode(value)
  } catch (error) {
    throw error instanceof EnvelopeError ? error.at(place(row, model, rewriting, field.name)) : error
  }
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
