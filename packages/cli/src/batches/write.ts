import type postgres from 'postgres'
import { arrayLiteral } from 'prisma-envelope/rows'
import { primaryKey, type StoredRow } from '../rows/stored-row.ts'
import type { Finding, Task } from './task.ts'

/** A row of a batch and what to write into it. */
export interface Change {
  readonly row: StoredRow
  readonly parameters: readonly (string | null)[]
}

/**
 * Writes the changes of a batch in one statement. Rows that the database refuses are found by halving, and left as they were; all others are written.
 *
 * @returns what was refused
 */
export async function writeChanges(
  sql: postgres.TransactionSql,
  task: Task,
  changes: readonly Change[],
): Promise<readonly Finding[]> {
  const [first] = changes
  if (first === undefined) return []
  try {
    await sql.savepoint((inner) => update(inner, task, changes))
    return []
  } catch (error) {
    const reason = refusal(error)
    if (reason === undefined) throw error
    if (changes.length === 1)
      return [{ model: task.table.model, field: undefined, primaryKey: primaryKey(task.table, first.row.key), ...reason }]
    const half = Math.ceil(changes.length / 2)
    return [...(await writeChanges(sql, task, changes.slice(0, half))), ...(await writeChanges(sql, task, changes.slice(half)))]
  }
}

async function update(sql: postgres.TransactionSql, task: Task, changes: readonly Change[]): Promise<void> {
  const { table, assignments, parameters } = task
  const keys = table.key.map((_, i) => `k${i}`)
  const names = [...keys, ...Array.from({ length: parameters }, (_, i) => `p${i}`)]
  const columns = [
    ...table.key.map((_, i) => changes.map(({ row }) => row.key[i] as string)),
    ...Array.from({ length: parameters }, (_, i) => changes.map((change) => change.parameters[i] ?? null)),
  ]
  const same = table.key.map((column, i) => `t.${column.sql} = v.k${i}::${column.type}`)
  const text = `UPDATE ${table.sql} AS t SET ${assignments.join(', ')} FROM unnest(${names.map((_, i) => `$${i + 1}::text[]`).join(', ')}) AS v(${names.join(', ')}) WHERE ${same.join(' AND ')}`
  const result = await sql.unsafe(text, columns.map(arrayLiteral), { prepare: true })
  // The rows are locked: only a trigger or a rule can have kept one back.
  if (result.count !== changes.length) throw new RowsKeptBack(table.model)
}

/** A trigger or a rule of the table keeps rows from being updated, without an error. */
class RowsKeptBack extends Error {
  readonly code = 'ROWS_KEPT_BACK'

  constructor(model: string) {
    super(`${model}: the table did not take an update of rows that are there: a trigger or a rule keeps them back`)
  }
}

/** Why the database refuses a row; undefined for errors that are not about rows. The database's own message may quote values. */
function refusal(error: unknown): { readonly code: string; readonly reason: string } | undefined {
  const { code, constraint_name: constraint } = error as { code?: string; constraint_name?: string }
  if (error instanceof RowsKeptBack)
    return { code: error.code, reason: 'a trigger or a rule of the table keeps the row from being updated' }
  if (code === undefined) return undefined
  const of = constraint === undefined ? '' : ` (${constraint})`
  if (code === '23505')
    return {
      code: 'COLLISION',
      reason: `another row has an equal value in a unique column, as \`normalize\` and its index have it${of}`,
    }
  if (code.startsWith('23')) return { code: 'REFUSED', reason: `a constraint of the database refuses the row${of}` }
  // Data exceptions, and what triggers raise.
  if (code.startsWith('22') || code === 'P0001')
    return { code: 'REFUSED', reason: `the database refuses the row (SQLSTATE ${code})` }
  return undefined
}
