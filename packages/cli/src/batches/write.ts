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

/** A batch's rows are found by their keys, however many of the table's rows they seem to be; what is unique is so at once. */
const BY_KEY = 'SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET CONSTRAINTS ALL IMMEDIATE'

/** The database does not take the changes as they are: some of their rows are refused. */
export class ChangesRefused extends Error {}

/**
 * Writes the changes of a batch in one statement.
 *
 * No savepoint guards it: a row that its transaction has locked and a savepoint's updates costs PostgreSQL a MultiXact each.
 *
 * @throws ChangesRefused where rows are refused: the transaction is lost, and {@link writeInParts} tells which they are in the next one.
 */
export async function writeAll(sql: postgres.TransactionSql, task: Task, changes: readonly Change[]): Promise<void> {
  if (changes.length === 0) return
  await update(sql, task, changes).catch((error: unknown) => {
    throw refusal(error) === undefined ? error : new ChangesRefused()
  })
}

/**
 * Writes changes of which some are refused: those are found by halving, and left as they were; all others are written.
 *
 * @returns what was refused
 */
export async function writeInParts(
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
    return [...(await writeInParts(sql, task, changes.slice(0, half))), ...(await writeInParts(sql, task, changes.slice(half)))]
  }
}

async function update(sql: postgres.TransactionSql, task: Task, changes: readonly Change[]): Promise<void> {
  const { table, assignments, returning, parameters, types = [] } = task
  const keys = table.key.map((_, i) => `k${i}`)
  const names = [...keys, ...Array.from({ length: parameters }, (_, i) => `p${i}`)]
  const columns = [
    ...table.key.map((_, i) => changes.map(({ row }) => row.key[i] as string)),
    ...Array.from({ length: parameters }, (_, i) => changes.map((change) => change.parameters[i] ?? null)),
  ]
  const same = table.key.map((column, i) => `t.${column.sql} = v.k${i}::${column.type}`)
  const given = names.map((_, i) => `$${i + 1}::text[]`).join(', ')
  const typed = [...keys, ...types.map((type, i) => `p${i}::${type} AS p${i}`), ...names.slice(keys.length + types.length)]
  // OFFSET keeps the planner from moving the casts to each place where they are used.
  const source = `SELECT ${typed.join(', ')}, place FROM unnest(${given}) WITH ORDINALITY AS u(${names.join(', ')}, place) OFFSET 0`
  const text = `UPDATE ${table.sql} AS t SET ${assignments.join(', ')} FROM (${source}) AS v WHERE ${same.join(' AND ')} RETURNING ${['v.place', ...returning].join(', ')}`
  const [, rows] = await Promise.all([sql.unsafe(BY_KEY), textRows(sql, text, columns.map(arrayLiteral))])
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
  if (!SQL_STATE.test(code) || ABOUT_THE_WHOLE.has(code.slice(0, 2))) return undefined
  return { code: 'REFUSED', reason: `the database refuses the row (SQLSTATE ${code})` }
}

const SQL_STATE = /^[0-9A-Z]{5}$/
/** Classes of errors that no row is to blame for: all others are about data, or are what triggers raise. */
const ABOUT_THE_WHOLE = new Set([
  '08',
  '0A',
  '24',
  '25',
  '26',
  '28',
  '2B',
  '2D',
  '34',
  '3B',
  '3D',
  '3F',
  '40',
  '42',
  '53',
  '55',
  '57',
  '58',
  '72',
  'F0',
  'HV',
  'XX',
])
