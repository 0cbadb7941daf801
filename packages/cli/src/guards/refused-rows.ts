import type { ModelPlan } from 'prisma-envelope/rows'
import { type Queryable, textRows } from '../database/connection.ts'
import { tableOf } from '../database/sql-text.ts'
import type { Guard } from './guard.ts'

/** Rows that guards would refuse: whatever is updated in them, too. */
export interface RefusedRows {
  readonly rows: number
  /** Rows by Prisma's name of the column; only those that have any. */
  readonly byField: Readonly<Record<string, number>>
}

/** Counts in one pass over the table. */
export async function refusedRows(sql: Queryable, plan: ModelPlan, guards: readonly Guard[]): Promise<RefusedRows> {
  const refusals = guards.map(({ condition }) => `(${condition}) IS FALSE`)
  const counts = [refusals.join(' OR '), ...refusals].map((refusal) => `count(*) FILTER (WHERE ${refusal})`)
  const [row = []] = await textRows(sql, `SELECT ${counts.join(', ')} FROM ${tableOf(plan)}`)
  const [rows, ...byGuard] = row.map(Number)
  const byField = guards.map(({ field }, i) => [field, byGuard[i] ?? 0] as const).filter(([, count]) => count > 0)
  return { rows: rows ?? 0, byField: Object.fromEntries(byField) }
}
