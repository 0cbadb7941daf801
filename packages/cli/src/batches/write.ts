import type postgres from 'postgres'
import { arrayLiteral } from 'prisma-envelope/rows'
import { type TextRow, textRows } from '../database/connection.ts'
import { primaryKey, type StoredRow } from '../rows/stored-row.ts'
import type { Finding, Task } from './task.ts'

/** A row of a batch and what to write into it. */
export interface Change {
  readonly row: StoredRow
  readonly parameters: readonly (string | null)[]
  readonly accepts: (texts: TextRow) => boolean
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
  const { table, assignments, returning, parameters } = task
  const keys = table.key.map((_, i) => `k${i}`)
  const names = [...keys, ...Array.from({ length: parameters }, (_, i) => `p${i}`)]
  const columns = [
    ...table.key.map((_, i) => changes.map(({ row }) => row.key[i] as string)),
    ...Array.from({ length: parameters }, (_, i) => changes.map((change) => change.parameters[i] ?? null)),
  ]
  const same = table.key.map((column, i) => `t.${column.sql} = v.k${i}::${column.type}`)
  const given = names.map((_, i) => `$${i + 1}::text[]`).join(', ')
  const text = `UPDATE ${table.sql} AS t SET ${assignments.join(', ')} FROM unnest(${given}) WITH ORDINALITY AS v(${names.join(', ')}, place) WHERE ${same.join(' AND ')} RETURNING ${['v.place', ...returning].join(', ')}`
  const rows = await textRows(sql, text, columns.map(arrayLiteral))
  // The rows are locked: only a trigger, a rule or a policy can have kept one back.
  if (rows.length !== changes.length)
    throw new RowRefused('KEPT_BACK', 'a trigger, a rule or a policy of the table keeps the row from being updated')
  for (const [place, ...texts] of rows) {
    if (changes[Number(place) - 1]?.accepts(texts) !== true)
      throw new RowRefused('ALTERED', 'a trigger or a type of the table makes something else of what is written')
  }
}

/** Nothing that the database calls an error. */
class RowRefused extends Error {
  readonly code: string

  constructor(code: string, reason: string) {
    super(reason)
    this.code = code
  }
}

/** Why the database refuses a row; undefined for errors that are not about rows. The database's own message may quote values. */
function refusal(error: unknown): { readonly code: string; readonly reason: string } | undefined {
  const { code, constraint_name: constraint } = error as { code?: string; constraint_name?: string }
  if (error instanceof RowRefused) return { code: error.code, reason: error.message }
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
