import type postgres from 'postgres'
import { arrayLiteral } from 'prisma-envelope/rows'
import { createSpool } from '../batches/spool.ts'
import type { Finding, Foresight } from '../batches/task.ts'
import type { Change } from '../batches/write.ts'
import { textRows } from '../database/connection.ts'
import { quoted } from '../database/sql-text.ts'
import { primaryKey } from '../rows/stored-row.ts'
import type { Field, Table } from '../rows/table.ts'

/**
 * For a dry run: finds values that unique columns hold apart, and whose tokens would be equal; among the rows to do, and with those done already.
 *
 * @param searchable fields whose tokens are the parameters of a change from the second on
 */
export function foreseenCollisions(table: Table, searchable: readonly Field[]): Foresight {
  const spool = createSpool()
  const uniques = table.plan.uniques.filter(({ fields }) => searchable.some(({ name }) => fields.includes(name)))
  const keys = table.key.map((_, i) => `k${i}`)
  const tokens = searchable.map((_, i) => `p${i}`)

  /** For each row, what stands in the other columns of the unique key, and whether a row that is done has the same. */
  function query(fields: readonly string[]): string {
    const others = fields.filter((name) => !searchable.some((field) => field.name === name))
    const columns = others.map((name) => quoted(table.plan.columns[name]?.column ?? ''))
    const same = [
      ...columns.map((column) => `s.${column} = t.${column}`),
      ...searchable.flatMap((field, i) => (fields.includes(field.name) ? [`s.${field.sql} = v.p${i}::${field.type}`] : [])),
      `(${table.key.map(({ sql }) => `s.${sql}`).join(', ')}) IS DISTINCT FROM (${table.key.map(({ sql }) => `t.${sql}`).join(', ')})`,
    ]
    const names = [...keys, ...tokens]
    return `SELECT v.place, to_json(ARRAY[${columns.map((column) => `t.${column}::text`).join(', ')}]::text[]), EXISTS (SELECT FROM ${table.sql} AS s WHERE ${same.join(' AND ')})
      FROM unnest(${names.map((_, i) => `$${i + 1}::text[]`).join(', ')}) WITH ORDINALITY AS v(${names.join(', ')}, place)
      JOIN ${table.sql} AS t ON ${table.key.map(({ sql, type }, i) => `t.${sql} = v.k${i}::${type}`).join(' AND ')}`
  }

  const finding = (key: Readonly<Record<string, string>>): Finding => ({
    model: table.model,
    field: undefined,
    primaryKey: key,
    code: 'COLLISION',
    reason: 'another row has an equal value in a unique column, as `normalize` has it',
  })

  return {
    async batch(sql: postgres.TransactionSql, changes: readonly Change[]) {
      const found = new Map<number, Finding>()
      const values = [
        ...keys.map((_, i) => arrayLiteral(changes.map(({ row }) => row.key[i] as string))),
        ...tokens.map((_, i) => arrayLiteral(changes.map(({ parameters }) => parameters[1 + i] ?? null))),
      ]
      for (const { name, fields } of changes.length === 0 ? [] : uniques) {
        for (const [place, others, isTaken] of await textRows(sql, query(fields), values)) {
          const at = Number(place) - 1
          const change = changes[at] as Change
          const held = searchable.map((field, i) => (fields.includes(field.name) ? change.parameters[1 + i] : ''))
          const rest = JSON.parse(others as string) as (string | null)[]
          // NULLs are equal to nothing.
          if ([...held, ...rest].includes(null)) continue
          const key = primaryKey(table, change.row.key)
          if (isTaken === 't') found.set(at, finding(key))
          else await spool.add(JSON.stringify([name, held, rest]), JSON.stringify(key))
        }
      }
      return [...found.values()]
    },
    async *end() {
      for await (const key of spool.repeated()) yield finding(JSON.parse(key) as Record<string, string>)
    },
    close: () => spool.close(),
  }
}
