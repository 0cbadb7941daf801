import type { KeyStorePlan } from 'prisma-envelope/rows'
import { type Connection, textRows } from '../database/connection.ts'
import type { Field, Table } from '../rows/table.ts'
import { type TableSize, tableSize } from '../rows/table-size.ts'
import { censusQuery } from './census-query.ts'
import { knownFieldSets } from './field-sets.ts'

/** How a model's rows stand, as far as SQL tells. */
export interface Census {
  readonly model: string
  /** Whether the figures were scaled up from a sample. */
  readonly estimated: boolean
  readonly rows: number
  /** An envelope, and nothing that speaks against its columns. */
  readonly encrypted: number
  /** No envelope. */
  readonly plaintext: number
  /** An envelope, but columns with plaintext, or a record that lacks fields. */
  readonly mixed: number
  /** Of these: a column that is neither NULL, nor its placeholder, nor a token. */
  readonly foreignWrites: number
  /** Something in the envelope's column that is none. */
  readonly malformed: number
  /** By KMS key; several names where the key is wrapped by several. */
  readonly byKey: readonly { readonly keys: readonly string[]; readonly rows: number }[]
  readonly byWrap: {
    readonly branch: number
    readonly direct: number
    /** Distinct branch keys that stand in their rows, and those that rows name. */
    readonly branchKeys: { readonly inline: number; readonly named: number }
  }
  /** Rows by the id of the index key of their tokens, for each searchable field. */
  readonly byIndexKey: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** `fields` where the schema tells which they are. */
  readonly byFieldSet: readonly { readonly id: string; readonly fields?: readonly string[] | 'all'; readonly rows: number }[]
}

/** What a forecast needs beside it. */
export interface Widths {
  readonly size: TableSize
  /** Of rows that are plaintext, on average. */
  readonly row: number
  /** Of the values that are to be encrypted, in such a row. */
  readonly values: number
}

/** A sample has about so many blocks of 8 KiB: 30,000 to 100,000 rows. */
const SAMPLED_BLOCKS = 1000

export async function takeCensus(
  sql: Connection,
  table: Table,
  fields: readonly Field[],
  estimate: boolean,
  keyStore?: KeyStorePlan,
): Promise<{ readonly census: Census; readonly widths: Widths }> {
  const size = await tableSize(sql, table)
  const percent = estimate && size.blocks > SAMPLED_BLOCKS ? (100 * SAMPLED_BLOCKS) / size.blocks : undefined
  const sets = knownFieldSets(table.fields)
  const lacking = [...sets].flatMap(([id, set]) => (fields.every((field) => set.includes(field)) ? [] : [id]))
  const told = await textRows(sql, censusQuery(table, fields, lacking, percent, keyStore))
  const counts = told.map(([kind, a, b, rows, width, octets]) => ({
    kind,
    a: a ?? '',
    b: b ?? '',
    rows: Number(rows),
    width: Number(width),
    octets: Number(octets),
  }))
  const of = (kind: string): typeof counts => counts.filter((count) => count.kind === kind)
  const state = (name: string) => of('state').find(({ a }) => a === name) ?? { rows: 0, width: 0, octets: 0 }
  const wrap = (name: string) => of('wrap').find(({ a }) => a === name) ?? { rows: 0, b: '0' }

  const seen = of('state').reduce((sum, { rows }) => sum + rows, 0)
  const all = size.estimatedRows > 0 ? size.estimatedRows : (seen * 100) / (percent ?? 100)
  const factor = percent === undefined || seen === 0 ? 1 : all / seen
  const scaled = (rows: number): number => Math.round(rows * factor)
  const plaintext = state('plaintext')
  const widest = plaintext.rows > 0 ? plaintext : state('foreign')

  const census: Census = {
    model: table.model,
    estimated: percent !== undefined,
    rows: scaled(seen),
    encrypted: scaled(state('sealed').rows),
    plaintext: scaled(plaintext.rows),
    mixed: scaled(state('foreign').rows + state('lacking').rows),
    foreignWrites: scaled(state('foreign').rows),
    malformed: scaled(state('malformed').rows),
    byKey: of('kid').map(({ a, rows }) => ({ keys: a.startsWith('[') ? (JSON.parse(a) as string[]) : [a], rows: scaled(rows) })),
    byWrap: {
      branch: scaled(wrap('inline').rows + wrap('named').rows),
      direct: scaled(wrap('direct').rows),
      branchKeys: { inline: Number(wrap('inline').b), named: Number(wrap('named').b) },
    },
    byIndexKey: Object.fromEntries(
      fields
        .filter(({ search }) => search !== undefined)
        .map(({ name }) => [
          name,
          Object.fromEntries(of('index').flatMap(({ a, b, rows }) => (b === name ? [[a, scaled(rows)]] : []))),
        ]),
    ),
    byFieldSet: of('fs').map(({ a, rows }) => {
      const known = sets.get(a)
      const names = known?.length === table.fields.length ? 'all' : known?.map(({ name }) => name)
      return { id: a, ...(names !== undefined && { fields: names }), rows: scaled(rows) }
    }),
  }
  const each = (sum: number): number => (widest.rows === 0 ? 0 : sum / widest.rows)
  return { census, widths: { size, row: each(widest.width), values: each(widest.octets) } }
}
