import type { ColumnPlan } from '../../plan.ts'
import type { Model } from '../model.ts'
import type { Row } from '../opened-row.ts'
import { keyFields } from '../row-key.ts'
import type { Session } from '../session.ts'
import { quoted, tableOf, textOf } from './sql-text.ts'

/** Locks a row as a change of its key would (PostgreSQL manual, «Row-Level Locks»): until the transaction ends nobody else can reference it. */
export async function lockRow(session: Session, model: Model, row: Row): Promise<void> {
  const { plan } = model
  const columns = keyFields(model).map((name) => [name, plan.columns[name] as ColumnPlan] as const)
  const key = Object.fromEntries(columns.map(([name, column]) => [column.column, textOf(column, row[name])]))
  const same = columns.map(([, { column }]) => `held.${quoted(column)} = named.${quoted(column)}`)
  const table = tableOf(plan, session.schema)
  // The table's own row type gives every column its type.
  const sql = `SELECT 1 FROM ${table} AS held, jsonb_populate_record(NULL::${table}, $1::jsonb) AS named WHERE ${same.join(' AND ')} FOR UPDATE OF held`
  await session.execute(model, sql, [JSON.stringify(key)])
}
