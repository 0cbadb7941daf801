import { type Queryable, textRows } from '../database/connection.ts'
import { quoted } from '../database/sql-text.ts'
import type { Examined } from './catalog.ts'
import type { Diagnosis } from './diagnosis.ts'

interface Index {
  readonly name: string
  readonly method: string
  readonly unique: boolean
  /** Without INCLUDEd columns and expressions. */
  readonly columns: readonly string[]
  readonly expressions: string
  readonly predicate: string
}

/** Finds indexes that no longer mean what they meant, as their columns hold placeholders or tokens. */
export async function indexFindings(sql: Queryable, table: Examined): Promise<readonly Diagnosis[]> {
  const { model } = table
  const encrypted = [...table.placeholders, ...table.tokens]
  return (await indexesOf(sql, table)).flatMap((index): Diagnosis[] => {
    const { name, method, unique, columns, expressions, predicate } = index
    const constant = columns.filter((column) => table.placeholders.includes(column))
    const tokens = columns.filter((column) => table.tokens.includes(column))
    const computed = encrypted.filter((column) => mentions(expressions, column))
    const filtered = encrypted.filter((column) => mentions(withoutNullTests(predicate, column), column))
    const findings: Diagnosis[] = []
    if (constant.length > 0)
      findings.push({
        severity: unique ? 'error' : 'warning',
        code: unique ? 'UNIQUE_ON_PLACEHOLDERS' : 'INDEX_MEANINGLESS',
        model,
        meaning: unique
          ? `${name} allows each value of ${constant.join(', ')} once, but all rows hold the same placeholder there`
          : `${name} is on ${constant.join(', ')}, where all rows hold the same placeholder: it tells NULL from not NULL, and no more`,
        remedy: unique ? 'make the field searchable, or drop the constraint or index' : 'drop it, or make the field searchable',
      })
    if (computed.length > 0)
      findings.push({
        severity: unique ? 'error' : 'warning',
        code: 'INDEX_EXPRESSION',
        model,
        meaning: `${name} computes (${expressions}) from ${computed.join(', ')}, which holds tokens or placeholders${unique ? '; as it is unique, it no longer means what it meant' : ''}`,
        remedy: 'drop it; what an expression made equal (lower case, say) belongs into `normalize` of a searchable field',
      })
    if (filtered.length > 0)
      findings.push({
        severity: 'warning',
        code: 'INDEX_PREDICATE',
        model,
        meaning: `${name} covers rows by ${predicate}, which reads ${filtered.join(', ')}: tokens or placeholders`,
        remedy: 'drop it, or let its predicate ask for NULL alone',
      })
    if (tokens.length > 0 && method !== 'btree' && method !== 'hash')
      findings.push({
        severity: 'warning',
        code: 'INDEX_MEANINGLESS',
        model,
        meaning: `${name} (${method}) is on ${tokens.join(', ')}: of tokens only equality means anything`,
        remedy: 'replace it by a btree or hash index',
      })
    return findings
  })
}

async function indexesOf(sql: Queryable, { catalog }: Examined): Promise<readonly Index[]> {
  const rows = await textRows(
    sql,
    `SELECT c.relname, m.amname, i.indisunique OR i.indisexclusion,
            (SELECT json_agg(a.attname) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE k.place <= i.indnkeyatts),
            pg_get_expr(i.indexprs, i.indrelid), pg_get_expr(i.indpred, i.indrelid)
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
     WHERE i.indrelid = ${catalog.relation} ORDER BY c.relname`,
  )
  return rows.map(([name, method, unique, columns, expressions, predicate]) => ({
    name: name as string,
    method: method as string,
    unique: unique === 't',
    columns: JSON.parse(columns ?? '[]') as string[],
    expressions: expressions ?? '',
    predicate: predicate ?? '',
  }))
}

/** Whether an expression, as PostgreSQL prints it, names a column. */
export function mentions(expression: string, column: string): boolean {
  return names(column).some((name) => new RegExp(`(?<![\\w"])${name}(?![\\w"])`).test(expression))
}

export function withoutNullTests(expression: string, column: string): string {
  return names(column).reduce((left, name) => left.replaceAll(new RegExp(`${name} IS (NOT )?NULL`, 'g'), 'true'), expression)
}

/** With quotes and without, as a pattern. */
function names(column: string): readonly string[] {
  return [quoted(column), column].map((name) => name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
}
