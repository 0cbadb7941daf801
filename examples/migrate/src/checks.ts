import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { to } from 'pg-copy-streams'
import { connect, type Database } from '../../patients/src/database/database.ts'
import { TextFinder } from '../../patients/src/scan/text-finder.ts'
import type { Fleet } from './application/fleet.ts'
import type { Patient } from './application/patient.ts'

/** All patients that the application knows. */
export async function readAll(fleet: Fleet, signal: AbortSignal): Promise<readonly Patient[]> {
  const patients: Patient[] = []
  for (;;) {
    signal.throwIfAborted()
    const { status, body } = await fleet.request('GET', `/patients?after=${patients.at(-1)?.id ?? ''}`)
    if (status !== 200) throw new Error(`reading all patients: ${JSON.stringify(body)}`)
    const page = body as Patient[]
    if (page.length === 0) return patients
    patients.push(...page)
  }
}

export interface Search {
  readonly rows: number
  readonly characters: number
  /** Rows in which one of the values stands. */
  readonly hits: number
}

/**
 * Reads a table as a backup would, and looks for each of the values anywhere in it.
 *
 * @param what a table, or a query in parentheses
 */
export async function searchFor(
  values: ReadonlySet<string>,
  what: string,
  database: Database,
  signal: AbortSignal,
): Promise<Search> {
  const finder = new TextFinder(values)
  const client = await connect(database)
  try {
    let [rows, characters, hits] = [0, 0, 0]
    const lines = createInterface(client.query(to(`copy ${what} to stdout`)))
    lines.on('line', (line) => {
      rows += 1
      characters += line.length
      if (finder.find(line).length > 0) hits += 1
    })
    await once(lines, 'close', { signal })
    return { rows, characters, hits }
  } finally {
    await client.end()
  }
}
