import { type Queryable, textRows } from '../database/connection.ts'
import type { Examined } from './catalog.ts'
import type { Diagnosis } from './diagnosis.ts'

/** `pg_constraint.confupdtype` and `confdeltype`, where they write to the referencing row. */
const WRITING: Readonly<Record<string, string>> = { c: 'CASCADE', n: 'SET NULL', d: 'SET DEFAULT' }

interface ForeignKey {
  readonly name: string
  readonly columns: readonly string[]
  readonly onUpdate: string | undefined
  /** Without CASCADE, which deletes the row. */
  readonly onDelete: string | undefined
}

/** Finds foreign keys by which PostgreSQL itself changes bound columns, or that compare placeholders. */
export async function foreignKeyFindings(sql: Queryable, table: Examined): Promise<readonly Diagnosis[]> {
  const { model, placeholders, bound } = table
  return (await foreignKeysOf(sql, table)).flatMap((key): Diagnosis[] => {
    const findings: Diagnosis[] = []
    const constant = key.columns.filter((column) => placeholders.includes(column))
    if (constant.length > 0)
      findings.push({
        severity: 'error',
        code: 'FOREIGN_KEY',
        model,
        meaning: `${key.name} refers by ${constant.join(', ')}, where all rows hold the same placeholder`,
        remedy: 'drop the foreign key, or refer by a column that is not encrypted',
      })
    const changing = key.columns.filter((column) => bound.includes(column))
    const action = [key.onDelete && `ON DELETE ${key.onDelete}`, key.onUpdate && `ON UPDATE ${key.onUpdate}`].filter(Boolean)
    if (changing.length === 0 || action.length === 0) return findings
    const isKnown = key.onDelete === undefined && key.onUpdate === 'CASCADE' && isOfPlan(table, key)
    findings.push({
      severity: isKnown ? 'note' : 'error',
      code: 'BOUND_FOREIGN_KEY',
      model,
      meaning: `${key.name} has ${action.join(' and ')}: PostgreSQL itself changes ${changing.join(', ')}, which rows are bound to, and they no longer open`,
      remedy: isKnown
        ? 'nothing, where all writers use the extension, which seals such rows anew; let nothing else change the key that is referred to'
        : 'give it the action that the schema says, or RESTRICT, or bind to other columns',
    })
    return findings
  })
}

/** Whether the schema has the relation with this action: then the extension expects it. */
function isOfPlan({ plan }: Examined, { columns }: ForeignKey): boolean {
  return Object.values(plan.relations).some(
    ({ from, onUpdate }) =>
      onUpdate === 'Cascade' &&
      from.length === columns.length &&
      from.every((field) => columns.includes(plan.columns[field]?.column ?? '')),
  )
}

async function foreignKeysOf(sql: Queryable, { catalog }: Examined): Promise<readonly ForeignKey[]> {
  const rows = await textRows(
    sql,
    `SELECT c.conname, c.confupdtype, c.confdeltype,
            (SELECT json_agg(a.attname) FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey))
     FROM pg_constraint c WHERE c.conrelid = ${catalog.relation} AND c.contype = 'f' ORDER BY c.conname`,
  )
  return rows.map(([name, onUpdate, onDelete, columns]) => ({
    name: name as string,
    columns: JSON.parse(columns ?? '[]') as string[],
    onUpdate: WRITING[onUpdate ?? ''],
    onDelete: onDelete === 'c' ? undefined : WRITING[onDelete ?? ''],
  }))
}
