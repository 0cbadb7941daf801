import { textRows } from '../database/connection.ts'
import type { Table } from '../rows/table.ts'
import type { Context } from './context.ts'
import { COUNTED_EXACTLY } from './row-command.ts'

/** Says beforehand what rewrapping costs: with branch keys a few calls, without them some for each row. */
export async function announceCost({ sql, output }: Context, table: Table, where: string, callsEach: number): Promise<void> {
  const [size] = await textRows(sql, 'SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass($1)', [table.sql])
  if (Number(size?.[0] ?? 0) > COUNTED_EXACTLY) {
    output.note(
      `${table.model}: ${callsEach} KMS calls for each branch key; ${callsEach} for each row that was sealed with \`wrap: 'direct'\``,
    )
    return
  }
  const dek = `t.${table.envelope} ->> 'dek' IS NULL`
  const [row] = await textRows(
    sql,
    `SELECT count(*) FILTER (WHERE ${dek}), count(DISTINCT sha256(convert_to(t.${table.envelope} ->> 'wk', 'UTF8'))) FILTER (WHERE NOT (${dek}))
     FROM ${table.sql} AS t WHERE ${where}`,
  )
  const [direct, branch] = [Number(row?.[0] ?? 0), Number(row?.[1] ?? 0)]
  if (direct + branch === 0) return
  output.note(
    `${table.model}: ${branch} branch keys, and ${direct} rows without one: about ${callsEach * (branch + direct)} KMS calls to come`,
  )
}
