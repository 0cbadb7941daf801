import { pipeline } from 'node:stream/promises'
import { parse } from 'csv-parse'
import { to } from 'pg-copy-streams'
import { models } from '../../generated/envelope/index.ts'
import { connect, type Database } from '../database/database.ts'
import type { CellScanner } from './cell-scanner.ts'
import { mayBeChance } from './chance.ts'

export interface Hit {
  readonly table: string
  /** Primary key of the row. */
  readonly id: string
  readonly column: string
  readonly value: string
  /** In ciphertext, and short enough to stand there by chance. */
  readonly doubtful: boolean
}

export interface ScanResult {
  readonly hits: readonly Hit[]
  readonly cells: number
  readonly characters: number
  /** Characters of all envelopes of a table, as `JSON.stringify` writes them. */
  readonly envelopes: ReadonlyMap<string, number>
}

/** Reads every cell of every table of the schema by `COPY`, as a backup would. */
export async function scanDatabase(database: Database, scanner: CellScanner, signal: AbortSignal): Promise<ScanResult> {
  const { rows: tables } = await database.sql.query<{ name: string }>(
    'select tablename as name from pg_tables where schemaname = $1 order by 1',
    [database.schema],
  )
  const hits: Hit[] = []
  const envelopes = new Map<string, number>()
  let cells = 0
  let characters = 0
  for (const { name: table } of tables) {
    const envelopeColumn = Object.values(models).find((plan) => plan.table.name === table)?.envelope?.column
    await copyTable(database, table, signal, (row) => {
      for (const [column, cell] of Object.entries(row)) {
        cells += 1
        characters += cell.length
        const isEnvelope = column === envelopeColumn && cell !== ''
        if (isEnvelope) envelopes.set(table, (envelopes.get(table) ?? 0) + JSON.stringify(JSON.parse(cell)).length)
        const values = isEnvelope ? scanner.inEnvelope(cell) : scanner.inCell(cell)
        for (const value of values) {
          hits.push({ table, id: row['id'] ?? '', column, value, doubtful: isEnvelope && mayBeChance(cell, value) })
        }
      }
    })
  }
  return { hits, cells, characters, envelopes }
}

async function copyTable(
  database: Database,
  table: string,
  signal: AbortSignal,
  take: (row: Record<string, string>) => void,
): Promise<void> {
  // A connection of its own can be cut where the demo is interrupted in the middle of a table.
  const client = await connect(database)
  try {
    const rows = parse({ columns: true })
    rows.on('data', take)
    await pipeline(client.query(to(`copy ${client.escapeIdentifier(table)} to stdout (format csv, header)`)), rows, { signal })
  } finally {
    await client.end()
  }
}
