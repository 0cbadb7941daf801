import { EnvelopeError, type Json, type OpenedRow, type Tokenizer } from 'prisma-envelope/rows'
import { isSealedText, isTokenText, recorded, tokenOf } from '../rows/field-values.ts'
import type { StoredRow } from '../rows/stored-row.ts'
import type { Field, Table } from '../rows/table.ts'

/** What is wrong with a row, or with one field of it. Holds no value. */
export interface Problem {
  readonly code: string
  readonly reason: string
  readonly field?: string
}

/** An index key's tokens, once per index key, the current one first. */
export type Tokenizers = readonly Tokenizer[]

/**
 * Compares a row with what the extension would have written.
 *
 * @param opened undefined where the row has no envelope
 */
export function problemsOf(
  table: Table,
  fields: readonly Field[],
  row: StoredRow,
  opened: OpenedRow | EnvelopeError | undefined,
  tokenizers: Tokenizers,
): readonly Problem[] {
  if (opened === undefined) return [{ code: 'PLAINTEXT_FOUND', reason: 'the row has no envelope: its columns hold plaintext' }]
  const problems: Problem[] = opened instanceof EnvelopeError ? [{ code: opened.code, reason: opened.message }] : []
  for (const field of fields) {
    const held = row.columns[table.fields.indexOf(field)] ?? null
    const problem =
      opened instanceof EnvelopeError
        ? leftover(field, held)
        : problemOf(field, held, recorded(opened.record, field), (value) => tokenProblem(field, held, value))
    if (problem !== undefined) problems.push({ ...problem, field: field.name })
  }
  return problems

  function tokenProblem(field: Field, held: string | null, value: Json): Problem | undefined {
    if (typeof value !== 'string' || held === null) return undefined
    if (field.search === undefined) return isTokenText(field, held) ? TOKEN_LEFT : undefined
    if (!isTokenText(field, held)) return NOT_INDEXED
    for (const tokenizer of tokenizers) {
      const token = tokenOf(table, field, value, row.binding, tokenizer)
      if (held.slice(0, ID_END) !== token.slice(0, ID_END)) continue
      if (held.trimEnd() === token) return undefined
      return { code: 'TOKEN_MISMATCH', reason: 'the column holds the token of another value, or of another scope' }
    }
    return {
      code: 'INDEX_KEY_UNKNOWN',
      reason: `the column holds a token under the index key ${held.slice(1, ID_END - 1)}, which the configuration does not have`,
    }
  }
}

const NOT_INDEXED: Problem = {
  code: 'NOT_INDEXED',
  reason: 'the column holds its placeholder, and searches miss the row: run `rotate --reindex`',
}

const TOKEN_LEFT: Problem = {
  code: 'TOKEN_LEFT',
  reason: 'the column holds a token, which tells equal values, though its field is not searchable: run `rotate --reindex`',
}

/** Where a token's index key id ends, `~` and dot included. */
const ID_END = 6

/** Of a row that does not open: all that can be told is whether a column holds what only a value can be. */
function leftover(field: Field, held: string | null): Problem | undefined {
  return held === null || isSealedText(field, held) ? undefined : foreign('neither NULL, its placeholder nor a token')
}

function problemOf(
  field: Field,
  held: string | null,
  value: Json | undefined,
  tokenProblem: (value: Json) => Problem | undefined,
): Problem | undefined {
  const looksSealed = held !== null && isSealedText(field, held)
  if (value === undefined) {
    // A list's placeholder is the empty list, which is what the column would hold in either case.
    if (held === null || (field.plan.list === true && looksSealed)) return undefined
    return {
      code: 'PLAINTEXT_FOUND',
      reason: 'the row was sealed without this field, and the column holds a value: run `encrypt`',
    }
  }
  if (held !== null && !looksSealed) return foreign('neither its placeholder nor a token')
  if (value === null)
    return held === null ? undefined : { code: 'NULLNESS', reason: 'the column holds a value where the envelope holds null' }
  // Prisma Client reads NULL as an empty list.
  if (held === null && field.plan.list === true && Array.isArray(value) && value.length === 0) return undefined
  if (held === null) return { code: 'NULLNESS', reason: 'the column holds NULL where the envelope holds a value' }
  return invalid(field, value) ?? tokenProblem(value)
}

function foreign(what: string): Problem {
  return {
    code: 'FOREIGN_WRITE',
    reason: `the column holds ${what}: plaintext that something without the extension wrote, or that was left over`,
  }
}

function invalid(field: Field, value: Json): Problem | undefined {
  try {
    field.text.print(value)
    return undefined
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error
    return { code: 'INVALID_VALUE', reason: error.message }
  }
}
