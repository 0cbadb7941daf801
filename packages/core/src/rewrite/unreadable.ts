import { EnvelopeError, type EnvelopeErrorCode } from '../errors.ts'
import { UnreadableValue, wasUnreadable } from '../unreadable-value.ts'
import { tellRefusal } from './cipher-border.ts'
import { isInput } from './input.ts'
import type { Model, Relation } from './model.ts'
import { place, type Row } from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'

/** What becomes of rows that do not open. */
export interface UnreadablePolicy {
  /** Rows of lists come back with marks in place of their encrypted values. */
  readonly marks: boolean
  /** Rows whose keys were erased are left out. */
  readonly skipsErased: boolean
}

/** Where in a result a row stands. */
export interface Spot {
  /** In a list, or below a row of one: the list is worth having without this row. */
  readonly inList: boolean
  /** Whether the result can do without the row. */
  readonly spares: boolean
}

/** Takes the place of a row that is left out. */
export const LEFT_OUT: unique symbol = Symbol('left out')

const LIST: Spot = { inList: true, spares: true }

export function listSpot(): Spot {
  return LIST
}

/** Of a result that is one row: whether the operation may answer that there is none. */
export function singleSpot({ operation }: Rewriting): Spot {
  return { inList: false, spares: operation === 'findUnique' || operation === 'findFirst' }
}

/** Of a row's one related row. */
export function relatedSpot(model: Model, relation: string, { inList }: Spot): Spot {
  const found = model.relations.get(relation)
  return { inList, spares: found !== undefined && isOptional(model, found) }
}

/** The side without the foreign key never promises that there is a row. */
function isOptional({ plan }: Model, { plan: { from } }: Relation): boolean {
  return from.length === 0 || from.some((name) => plan.columns[name]?.required !== true)
}

/** What the row itself is to blame for. Where the KMS can't be reached, or may not be asked, no row would open, and a page of marks would hide it. */
const MARKED: ReadonlySet<EnvelopeErrorCode> = new Set<EnvelopeErrorCode>([
  'CANNOT_OPEN',
  'PLAINTEXT_FOUND',
  'FOREIGN_WRITE',
  'KEY_UNKNOWN',
  'KEY_DISABLED',
  'KEY_RETIRED',
  'CONTEXT_MISMATCH',
  'ERASED',
])

/** The error with which a row did not open, where it is one that a mark stands for. */
export function markable(error: unknown): error is EnvelopeError {
  return error instanceof EnvelopeError && MARKED.has(error.code)
}

export function isErased(error: unknown): boolean {
  return error instanceof EnvelopeError && error.code === 'ERASED'
}

/** The mark of each field of a row; who listens to accesses is told. */
export function marksOf(error: EnvelopeError, row: Row, model: Model, rewriting: Rewriting): (field: string) => UnreadableValue {
  tellRefusal(error, rewriting)
  const { primaryKey = {} } = place(row, model, rewriting)
  return (field) => new UnreadableValue(error.code, model.name, field, primaryKey)
}

/** Whether a value that is to be written is a mark, as it was read or as its JSON came back. */
export function isMarkAgain(given: unknown): boolean {
  if (!isInput(given)) return false
  if (wasUnreadable(given)) return true
  const unreadable = given['unreadable']
  return Object.keys(given).length === 1 && typeof unreadable === 'string' && MARKED.has(unreadable as EnvelopeErrorCode)
}
