import type { Envelope } from '../../envelope/contract.ts'
import type { ColumnPlan } from '../../plan.ts'
import { isInput } from '../input.ts'
import type { Model, Sealing } from '../model.ts'
import type { Row } from '../opened-row.ts'
import { keyFields } from '../row-key.ts'
import type { Session } from '../session.ts'
import { quoted, tableOf, textOf } from './sql-text.ts'

/** A new envelope for a row that this transaction has locked. */
export interface EnvelopeWrite {
  /** Holds the row's key. */
  readonly key: Row
  /** The envelope that it replaces, as it was read; another one stays. */
  readonly before: unknown
  readonly envelope: Envelope
  /** Columns that change with it. */
  readonly tokens?: Row
}

/** Rows in one statement: half a megabyte of text or so. */
const CHUNK = 1000

/**
 * Writes envelopes by one statement a chunk, past Prisma: there is one DEK a row, and no `@updatedAt` is renewed.
 *
 * @returns how many rows were as they were read.
 */
export async function writeEnvelopes(
  session: Session,
  model: Model,
  sealing: Sealing,
  writes: readonly EnvelopeWrite[],
): Promise<number> {
  const { plan } = model
  const columnOf = (name: string): ColumnPlan => {
    const column = plan.columns[name]
    if (column === undefined) throw new TypeError(`the plan of ${model.name} has no ${name}`)
    return column
  }
  const keys = keyFields(model)
  const tokens = [...new Set(writes.flatMap(({ tokens: changed }) => Object.keys(changed ?? {})))]
  const table = tableOf(plan, session.schema)
  const envelope = quoted(columnOf(sealing.field).column)
  const next = `($5::jsonb -> (item.entry ->> 'part')::int) || jsonb_strip_nulls(jsonb_build_object('dek', nullif(item.dek, ''), 'ct', item.ct))`
  const set = tokens.map((name) => quoted(columnOf(name).column)).map((column) => `${column} = new.${column}`)
  const same = keys.map((name) => quoted(columnOf(name).column)).map((column) => `old.${column} = new.${column}`)
  // The table's own row type gives every column its type. What is long comes as plain text, which PostgreSQL reads faster than JSON.
  const sql = `UPDATE ${table} AS old SET ${[`${envelope} = ${next}`, ...set].join(', ')}
FROM ROWS FROM (jsonb_array_elements($1::jsonb), unnest(string_to_array($2, ' ')), unnest(string_to_array($3, ' ')), jsonb_array_elements_text($4::jsonb))
  AS item(entry, dek, ct, before), jsonb_populate_record(NULL::${table}, item.entry -> 'row') AS new
WHERE ${same.join(' AND ')} AND old.${envelope} ->> 'ct' = item.before`
  const columns = keys.map((name) => [name, columnOf(name)] as const)
  const rowOf = ({ key, tokens: changed }: EnvelopeWrite): Row => {
    const row: Row = {}
    for (const [name, column] of columns) define(row, column.column, textOf(column, key[name]))
    for (const name of tokens) define(row, columnOf(name).column, changed?.[name])
    return row
  }
  let written = 0
  for (let at = 0; at < writes.length; at += CHUNK) {
    const chunk = writes.slice(at, at + CHUNK)
    const shared = new SharedParts()
    const entries = chunk.map((write) => ({ row: rowOf(write), part: shared.indexOf(write.envelope) }))
    written += await session.execute(model, sql, [
      JSON.stringify(entries),
      chunk.map(({ envelope: { dek = '' } }) => dek).join(' '),
      chunk.map(({ envelope: { ct } }) => ct).join(' '),
      JSON.stringify(chunk.map(({ before }) => ciphertextOf(before) ?? null)),
      JSON.stringify(shared.parts),
    ])
  }
  return written
}

/** What rows of one branch key share, once: with the key that a KMS wrapped, it is half of an envelope's text. */
class SharedParts {
  readonly parts: object[] = []
  #last: Envelope | undefined

  indexOf(envelope: Envelope): number {
    if (this.#last === undefined || !sharePart(envelope, this.#last)) {
      this.parts.push({ ...envelope, dek: undefined, ct: undefined })
      this.#last = envelope
    }
    return this.parts.length - 1
  }
}

function sharePart(a: Envelope, b: Envelope): boolean {
  return a.kid === b.kid && a.fs === b.fs && a.ctx === b.ctx && a.wk === b.wk && a.bk === b.bk
}

/** A column may be called `__proto__`. */
function define(row: Row, column: string, value: unknown): void {
  Object.defineProperty(row, column, { value, enumerable: true, configurable: true, writable: true })
}

/** No two envelopes have the same: each holds a nonce of its own. */
export function ciphertextOf(envelope: unknown): unknown {
  return isInput(envelope) ? envelope['ct'] : undefined
}
