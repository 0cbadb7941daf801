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

/** Rows in one statement: a megabyte of text or so. */
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
  const table = tableOf(plan)
  const envelope = quoted(columnOf(sealing.field).column)
  const set = [sealing.field, ...tokens].map((name) => quoted(columnOf(name).column)).map((column) => `${column} = new.${column}`)
  const same = keys.map((name) => quoted(columnOf(name).column)).map((column) => `old.${column} = new.${column}`)
  // The table's own row type gives every column its type.
  const sql = `UPDATE ${table} AS old SET ${set.join(', ')} FROM jsonb_array_elements($1::jsonb) AS item, jsonb_populate_record(NULL::${table}, item -> 'row') AS new WHERE ${same.join(' AND ')} AND old.${envelope} ->> 'ct' = item ->> 'ct'`
  let written = 0
  for (let at = 0; at < writes.length; at += CHUNK) {
    const chunk = writes.slice(at, at + CHUNK).map(({ key, before, envelope: next, tokens: changed }) => ({
      row: {
        ...Object.fromEntries(keys.map((name) => [columnOf(name).column, textOf(columnOf(name), key[name])])),
        ...Object.fromEntries(tokens.map((name) => [columnOf(name).column, changed?.[name]])),
        [columnOf(sealing.field).column]: next,
      },
      ct: ciphertextOf(before),
    }))
    written += await session.execute(sql, [JSON.stringify(chunk)])
  }
  return written
}

/** No two envelopes have the same: each holds a nonce of its own. */
export function ciphertextOf(envelope: unknown): unknown {
  return isInput(envelope) ? envelope['ct'] : undefined
}
