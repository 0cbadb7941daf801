import type { Database } from '../../patients/src/database/database.ts'
import type { Patient } from './application/patient.ts'
import type { Ledger } from './traffic/ledger.ts'
import { person } from './traffic/people.ts'

const BATCH = 5000
const COLUMNS = ['id', 'email', 'fullName', 'phone', 'birthDate', 'notes', 'ward'] as const satisfies readonly (keyof Patient)[]

/** The rows of the years before. */
export async function fillTable({ sql }: Database, ledger: Ledger, rows: number, signal: AbortSignal): Promise<void> {
  const names = COLUMNS.map((name) => `"${name}"`).join(', ')
  const types = COLUMNS.map((name, i) => `$${i + 1}::${name === 'birthDate' ? 'date' : 'text'}[]`).join(', ')
  for (let from = 0; from < rows; from += BATCH) {
    signal.throwIfAborted()
    const batch = Array.from({ length: Math.min(BATCH, rows - from) }, (_, i) => person(from + i))
    await sql.query(
      `insert into "Patient" (${names}) select * from unnest(${types})`,
      COLUMNS.map((name) => batch.map((patient) => patient[name])),
    )
    for (const patient of batch) ledger.found(patient)
  }
  await sql.query('analyze "Patient"')
}
