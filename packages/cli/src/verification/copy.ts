import { isDeepStrictEqual } from 'node:util'
import { createRowCipher, EnvelopeError, type Json, type KeyService, type OpenedRow } from 'prisma-envelope/rows'
import type { Connection } from '../database/connection.ts'
import { recorded, sourceOf } from '../rows/field-values.ts'
import { findRelation } from '../rows/relation.ts'
import { openRows } from '../rows/reopened.ts'
import type { StoredRow } from '../rows/stored-row.ts'
import type { Field, Table } from '../rows/table.ts'
import { UsageError } from '../usage-error.ts'
import { type ReadRow, rowsByKey } from './read-rows.ts'

/** What comparing with a copy came to, in rows. */
export interface Comparison {
  equal: number
  /** A value differs: changed since the copy was made, or not what it was. */
  differing: number
  /** Rows that the copy does not have: inserted since. */
  onlyHere: number
  /** Rows that the copy alone has: deleted since. */
  onlyThere: number
  /** Rows that do not open, on one side or the other. */
  unreadable: number
  /** Equal as Prisma Client reads them: a column of the copy holds more digits. */
  rounded: number
}

export type Verdict =
  | { readonly kind: 'equal' | 'rounded' | 'onlyHere' | 'unreadable' }
  | { readonly kind: 'differing'; readonly fields: readonly Field[] }

/** A row of this database, and its envelope opened. */
export interface OpenRow {
  readonly read: ReadRow
  readonly opened: OpenedRow | EnvelopeError | undefined
}

/** Two spellings that only readers of a copy need: the same columns, whatever table the rows stand in. */
export interface Copy {
  /** What it holds for each of these rows, in their order. */
  compare(rows: readonly OpenRow[]): Promise<readonly Verdict[]>
  /** As a table of keys alone. */
  readonly keys: Table
}

/**
 * A restored copy of the database from before rows were encrypted, with the same names of tables and columns; with or without an envelope column, as some
 * rows may have been sealed by then.
 *
 * @throws UsageError where it lacks a table or a column.
 */
export async function openCopy(sql: Connection, here: Table, fields: readonly Field[], keys: KeyService): Promise<Copy> {
  const { name: copied, columns } = await findRelation(sql, here.model, here.plan)
  const table = { ...here, sql: copied }
  for (const { name, plan } of [...table.key, ...table.bound, ...fields]) {
    if (!columns.has(plan.column)) throw new UsageError(`${table.model}.${name}: the copy's table ${table.sql} lacks its column`)
  }
  const hasEnvelope = columns.has(table.plan.envelope?.column ?? '')
  const there = { ...(hasEnvelope ? table : withoutEnvelope(table, '*')), fields }
  const cipher = createRowCipher({ keys })

  return {
    keys: keysOf(table),
    async compare(rows) {
      const found = await rowsByKey(
        sql,
        there,
        rows.map(({ read }) => read.key),
      )
      const readable = found.flatMap(({ row }) => (row instanceof EnvelopeError ? [] : [row]))
      const sealed = readable.filter(({ envelope }) => envelope !== undefined)
      const opened = await openRows(
        cipher,
        sealed.map(({ envelope, binding }) => ({ table: table.identity, binding, envelope })),
      )
      const openedOf = new Map(sealed.map((row, i) => [row, opened[i]]))
      const byKey = new Map(found.map(({ key, row }) => [JSON.stringify(key), row]))
      return rows.map(({ read, opened: openedHere }) => {
        const other = byKey.get(JSON.stringify(read.key))
        if (other === undefined) return { kind: 'onlyHere' }
        if (other instanceof EnvelopeError || read.row instanceof EnvelopeError) return { kind: 'unreadable' }
        return compareRows(
          fields,
          { columns: fields.map((field) => textOf(here.fields, read.row as StoredRow, field)), opened: openedHere },
          { columns: fields.map((field) => textOf(fields, other, field)), opened: openedOf.get(other) },
        )
      })
    },
  }
}

/** The keys of a table and nothing else, so that reading them is cheap. */
export function keysOf(table: Table): Table {
  return { ...withoutEnvelope(table, table.key.map(({ sql }) => sql).join(', ')), fields: [], bound: [] }
}

function withoutEnvelope(table: Table, columns: string): Table {
  return { ...table, sql: `(SELECT ${columns}, NULL::jsonb AS ${table.envelope} FROM ${table.sql})` }
}

function textOf(fields: readonly Field[], row: StoredRow, field: Field): string | null {
  return row.columns[fields.indexOf(field)] ?? null
}

interface Side {
  readonly columns: readonly (string | null)[]
  /** Undefined where the row has no envelope. */
  readonly opened: OpenedRow | EnvelopeError | undefined
}

function compareRows(fields: readonly Field[], here: Side, there: Side): Verdict {
  if (here.opened instanceof EnvelopeError || there.opened instanceof EnvelopeError) return { kind: 'unreadable' }
  const differing: Field[] = []
  let rounded = false
  fields.forEach((field, i) => {
    const texts = [here, there].map(({ columns }) => columns[i] ?? null)
    const [mine, other] = [here, there].map(({ opened }, side) => valueOf(field, texts[side] ?? null, opened as OpenedRow))
    // What Prisma Client can't read is not encrypted either: it has to stand there as it did.
    const isSame = mine === undefined || other === undefined ? texts[0] === texts[1] : isSameJson(mine.value, other.value)
    if (!isSame) differing.push(field)
    else if (mine?.rounded !== other?.rounded) rounded = true
  })
  return differing.length > 0 ? { kind: 'differing', fields: differing } : { kind: rounded ? 'rounded' : 'equal' }
}

/** As JSON has them, which is how they are sealed: to it, -0 is 0. */
function isSameJson(a: Json, b: Json): boolean {
  const asSealed = (value: Json): unknown => JSON.parse(JSON.stringify(value))
  return isDeepStrictEqual(a, b) || isDeepStrictEqual(asSealed(a), asSealed(b))
}

interface Value {
  /** In the record encoding. */
  readonly value: Json
  /** The column holds more than that. */
  readonly rounded: boolean
}

/** A field's value as the mode `dual` reads it: sealed, unless something without the extension has written to the column since. */
function valueOf(field: Field, text: string | null, opened: OpenedRow | undefined): Value | undefined {
  const held = opened === undefined ? undefined : recorded(opened.record, field)
  const source = sourceOf(field, text, held)
  if (source === 'lost') return undefined
  if (source === 'record' && held !== undefined) return { value: held, rounded: false }
  if (text === null) return { value: field.plan.list === true ? [] : null, rounded: false }
  const exact = parsed(field, text, false)
  if (exact !== undefined) return { value: exact, rounded: false }
  const read = parsed(field, text, true)
  return read === undefined ? undefined : { value: read, rounded: true }
}

function parsed(field: Field, text: string, lossy: boolean): Json | undefined {
  try {
    return field.text.parse(text, lossy)
  } catch (error) {
    if (error instanceof EnvelopeError) return undefined
    throw error
  }
}
