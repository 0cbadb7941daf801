import type { Envelope } from 'prisma-envelope/rows'
import type { CliConfig } from '../config/config.ts'
import { retiredKeys } from '../config/retired-keys.ts'
import { type Connection, textRows } from '../database/connection.ts'
import { columnsOf, tableOf } from '../database/sql-text.ts'

/** Tells of an envelope whether its key is retired. */
export type IsRetired = (envelope: Envelope) => boolean

/** What wraps a stored key, the key store says: those under retired keys are read once. */
export async function retirement(sql: Connection, config: CliConfig): Promise<IsRetired> {
  const retired = retiredKeys(config)
  if (retired.size === 0) return () => false
  const stored = await storedUnder(sql, config, [...retired])
  return ({ kid, bk, wk }) => {
    if (bk !== undefined) return stored.has(bk)
    // A row opens by any of its forms.
    return typeof wk === 'object' ? wk.every(([name]) => retired.has(name)) : retired.has(kid)
  }
}

async function storedUnder(sql: Connection, { keyStore }: CliConfig, kids: readonly string[]): Promise<ReadonlySet<string>> {
  if (keyStore === undefined) return new Set()
  const c = columnsOf(keyStore)
  const rows = await textRows(
    sql,
    `SELECT ${c.id} FROM ${tableOf(keyStore)} WHERE ${c.wrapped} IS NOT NULL AND ${c.kid} IN (SELECT json_array_elements_text($1::json))`,
    [JSON.stringify(kids)],
  )
  return new Set(rows.map(([id]) => id as string))
}
