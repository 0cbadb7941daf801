import { createRowCipher, type Json, type KeyService } from 'prisma-envelope/rows'
import type { CliConfig } from '../config/config.ts'
import { type Connection, textRows } from '../database/connection.ts'
import { tokenOf } from '../rows/field-values.ts'
import type { Field, Table } from '../rows/table.ts'
import type { Census, Widths } from './census.ts'

/** What `encrypt` has yet to do, roughly. */
export interface Forecast {
  readonly rows: number
  /** With one worker, and no limit of the rate. */
  readonly seconds: number
  readonly rowsPerSecond: number
  /** KMS calls if DEKs are wrapped by branch keys, and if by the KMS itself. */
  readonly kmsCalls: { readonly branch: number; readonly direct: number }
  readonly usd: { readonly branch: number; readonly direct: number }
  /** By which the table and its indexes grow, until a VACUUM makes the old versions' space free for use again. */
  readonly diskBytes: number
  /** Of that, old versions of rows. */
  readonly deadBytes: number
  readonly walBytes: number
}

/** AWS KMS, requests with symmetric keys: list price in us-east-1 of June 2026 (aws.amazon.com/kms/pricing), without the free 20,000 a month. */
export const USD_PER_10000_REQUESTS = 0.03
export const PRICE_SOURCE = 'list price of AWS KMS in us-east-1, June 2026'

/** Assumed, as it can't be measured without writing: reading, locking and updating a row within a batch. */
const DATABASE_SECONDS_PER_ROW = 60e-6
/** Bytes that reach a PostgreSQL server or leave it in a second, beside that. */
const DATABASE_BYTES_PER_SECOND = 50e6

const ITEM_POINTER_BYTES = 4
const TOKEN_BYTES = 50
/** An index entry, and its record in the WAL. */
const INDEX_ENTRY_BYTES = 40
const INDEX_WAL_BYTES = 90
/** Of an update, beside the row. */
const ROW_WAL_BYTES = 80

const MEASURED_ROWS = 300

/** What sealing costs here, by doing it with made-up values of the same length. */
export interface Sealing {
  readonly secondsPerRow: number
  /** Of an envelope in its column. */
  readonly envelopeBytes: number
}

export async function measureSealing(
  sql: Connection,
  keys: KeyService,
  table: Table,
  fields: readonly Field[],
  bytesOfValues: number,
): Promise<Sealing> {
  const value = 'x'.repeat(Math.min(Math.round(bytesOfValues / fields.length), 100_000))
  const record: Record<string, Json> = Object.assign(
    Object.create(null),
    Object.fromEntries(fields.map(({ identity }) => [identity, value])),
  )
  const binding = table.bound.map(({ plan }) => ({ column: plan.column, tag: 's' as const, value: 'x' }))
  const cipher = createRowCipher({ keys })
  const tokenizer = await cipher.tokenizer()
  const rows = Array.from({ length: MEASURED_ROWS }, () => ({ table: table.identity, binding, record }))
  const searchable = fields.filter(({ search }) => search !== undefined)

  // The first round is for the compiler.
  let seconds = 0
  let envelope = ''
  for (let round = 0; round < 2; round++) {
    const start = performance.now()
    const envelopes = await cipher.seal(rows)
    const texts = envelopes.map((sealed) => JSON.stringify(sealed))
    await cipher.open(texts.map((text) => ({ table: table.identity, binding, envelope: JSON.parse(text) as unknown })))
    for (const row of rows) for (const field of searchable) tokenOf(table, field, value, row.binding, tokenizer)
    seconds = (performance.now() - start) / 1000
    envelope = texts[0] as string
  }
  const [size] = await textRows(sql, 'SELECT pg_column_size($1::text::jsonb)', [envelope])
  return { secondsPerRow: seconds / MEASURED_ROWS, envelopeBytes: Number(size?.[0]) }
}

export function forecast(
  { rows: all, plaintext, mixed, byWrap }: Census,
  { size, row, values }: Widths,
  { secondsPerRow, envelopeBytes }: Sealing,
  fields: readonly Field[],
  { branch }: CliConfig,
): Forecast {
  const rows = plaintext + mixed
  const { maxRows = 10_000, maxAge = 300_000 } = branch ?? {}
  const kept = fields.reduce(
    (sum, { search, placeholder }) => sum + (search === undefined ? placeholder.length + 1 : TOKEN_BYTES),
    0,
  )
  const newRow = Math.max(row - values, 0) + kept + envelopeBytes
  const seconds = rows * (secondsPerRow + DATABASE_SECONDS_PER_ROW + (row + newRow) / DATABASE_BYTES_PER_SECOND)
  // Rows that are sealed already are opened first.
  const opened = Math.min(mixed, byWrap.branchKeys.inline + byWrap.branchKeys.named + Math.min(mixed, byWrap.direct))
  const calls = rows === 0 ? 0 : Math.max(Math.ceil(rows / maxRows), Math.ceil((seconds * 1000) / maxAge))
  const kmsCalls = { branch: calls + opened, direct: rows + opened }
  const usd = (count: number): number => (count / 10_000) * USD_PER_10000_REQUESTS
  const entries = size.indexes * INDEX_ENTRY_BYTES
  // After a checkpoint, the first change of a page writes all of it to the WAL.
  const pages = all === 0 ? 0 : ((size.bytes + size.indexBytes) * rows) / all
  return {
    rows,
    seconds,
    rowsPerSecond: rows === 0 ? 0 : Math.round(rows / seconds),
    kmsCalls,
    usd: { branch: usd(kmsCalls.branch), direct: usd(kmsCalls.direct) },
    diskBytes: Math.round(rows * (newRow + ITEM_POINTER_BYTES + entries)),
    deadBytes: Math.round(rows * (row + ITEM_POINTER_BYTES)),
    walBytes: Math.round(rows * (newRow + ROW_WAL_BYTES + size.indexes * INDEX_WAL_BYTES) + pages),
  }
}
