import { type BoundValue, EnvelopeError, isToken, type Json, type SealedRecord, type Tokenizer } from 'prisma-envelope/rows'
import { type Field, mayHoldToken, type Table } from './table.ts'

/** A field's value as it was sealed; undefined where the record has none. A record inherits from Object.prototype. */
export function recorded(record: SealedRecord, { identity }: Field): Json | undefined {
  return Object.hasOwn(record, identity) ? record[identity] : undefined
}

/** Whether a column's text is what the extension writes for a value that is not null: a token, or the placeholder, whichever its annotation asks for now. */
export function isSealedText(field: Field, text: string): boolean {
  return isTokenText(field, text) || holdsPlaceholder(field, text)
}

/** Char(n) pads what it holds. */
export function isTokenText(field: Field, text: string): boolean {
  return mayHoldToken(field) && isToken(text.trimEnd())
}

/** Where a field's value stands: in the envelope, or in its column, which is newer where something without the extension wrote to it. */
export type Source = 'record' | 'column' | 'lost'

/**
 * @param text what the column holds
 * @param held the field's value in the envelope; undefined where that has none
 * @returns `lost` for a token without a value
 */
export function sourceOf(field: Field, text: string | null, held: Json | undefined): Source {
  if (held === undefined || held === null) {
    if (text === null) return held === null ? 'record' : 'column'
    return field.search !== undefined && isTokenText(field, text) ? 'lost' : 'column'
  }
  // Prisma Client reads NULL as an empty list.
  if (text === null) return Array.isArray(held) && held.length === 0 && field.plan.list === true ? 'record' : 'column'
  return isSealedText(field, text) ? 'record' : 'column'
}

function holdsPlaceholder({ text: codec, placeholder, returnedPlaceholder }: Field, text: string): boolean {
  if (text === placeholder) return true
  try {
    return JSON.stringify(codec.parse(text, true)) === returnedPlaceholder
  } catch (error) {
    if (error instanceof EnvelopeError) return false
    throw error
  }
}

/** The token of a searchable field's value, in the row's own scope. */
export function tokenOf(table: Table, field: Field, value: string, binding: readonly BoundValue[], tokenizer: Tokenizer): string {
  const { search } = field
  if (search === undefined) throw new TypeError(`${table.model}.${field.name} is not searchable`)
  const scope = search.scope.map((name) => binding[table.bound.findIndex((column) => column.name === name)] as BoundValue)
  return tokenizer.token(search, value, scope)
}
