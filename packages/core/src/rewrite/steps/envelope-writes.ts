import type { Envelope } from '../../envelope/contract.ts'
import type { ColumnPlan } from '../../plan.ts'
import type { Model, Sealing } from '../model.ts'
import type { Row } from '../opened-row.ts'
import type { Rewriting } from '../rewriting.ts'
import { keyFields } from '../row-key.ts'
import type { Session } from '../session.ts'

/** Rows in one statement: a megabyte of text or so. */
const CHUNK = 1000

/**
 * Writes envelopes of many rows, which this transaction must have locked, by one statement a chunk.
 *
 * @throws EnvelopeError `CONFLICT` where a row is not there.
 */
export async function writeEnvelopes(
  session: Session,
  model: Model,
  sealing: Sealing,
  rows: readonly Row[],
  envelopes: readonly Envelope[],
  rewriting: Rewriting,
): Promise<void> {
  const { plan } = model
  const keys = keyFields(model).map((name) => ({ name, column: plan.columns[name] as ColumnPlan }))
  const envelope = plan.columns[sealing.field]?.column ?? sealing.field
  const table =
    plan.table.schema === undefined ? quoted(plan.table.name) : `${quoted(plan.table.schema)}.${quoted(plan.table.name)}`
  const same = keys.map(({ column }) => `old.${quoted(column.column)} = new.${quoted(column.column)}`).join(' AND ')
  // The table's own row type gives every column of the key its type.
  const sql = `UPDATE ${table} AS old SET ${quoted(envelope)} = new.${quoted(envelope)} FROM jsonb_populate_recordset(NULL::${table}, $1::jsonb) AS new WHERE ${same}`
  for (let at = 0; at < rows.length; at += CHUNK) {
    const chunk = rows.slice(at, at + CHUNK).map((row, i) => ({
      ...Object.fromEntries(keys.map(({ name, column }) => [column.column, textOf(column, row[name])])),
      [envelope]: envelopes[at + i],
    }))
    const written = await session.execute(sql, [JSON.stringify(chunk)])
    if (written !== chunk.length)
      throw rewriting.error('CONFLICT', 'rows were gone before they could be sealed; try again', model)
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A column of a key as PostgreSQL reads it from text. */
function textOf(column: ColumnPlan, value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`
  const text = String(value)
  return column.values?.[text] ?? text
}
