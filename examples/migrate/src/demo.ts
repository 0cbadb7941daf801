import { setTimeout as sleep } from 'node:timers/promises'
import type { Cleanup } from '../../patients/src/cleanup.ts'
import type { Database } from '../../patients/src/database/database.ts'
import { count, type Report, seconds } from '../../patients/src/report.ts'
import type { Version } from './application/client.ts'
import { createFleet, type Fleet } from './application/fleet.ts'
import { readAll, searchFor } from './checks.ts'
import { createConsole } from './console.ts'
import { encryptWithAccident } from './encrypting.ts'
import { fillTable } from './filling.ts'
import type { Options } from './options.ts'
import { showRefusals } from './refusals.ts'
import { applyMigration, openSurroundings } from './surroundings.ts'
import { Ledger } from './traffic/ledger.ts'
import { startWriters, type Writers } from './traffic/writers.ts'

export interface Outcome {
  /** Patients at the end. */
  readonly rows: number
  /** Writes that were acknowledged while all this went on. */
  readonly writes: number
  /** Rows that were read and compared meanwhile. */
  readonly reads: number
  readonly kmsCalls: number
  /** What is not as it should be. */
  readonly wrong: readonly string[]
}

const LOOKED_AT = 200
const INSTANCES = 2
/** How long instances of two versions are seen side by side, after each one that is replaced. */
const SIDE_BY_SIDE_MS = 1500

/** The whole story, step by step. Stops between two of them once `signal` is aborted. */
export async function runDemo(options: Options, report: Report, cleanup: Cleanup, signal: AbortSignal): Promise<Outcome> {
  const ledger = new Ledger()

  report.step('A plain application, as it was for years')
  let since = performance.now()
  const { database, env, kmsCalls, kmsOrigin } = await openSurroundings(cleanup, signal)
  report.line(`${database.origin}, ${kmsOrigin} (${seconds(since)})`)
  since = performance.now()
  await applyMigration(database, '20260101000000_init')
  await fillTable(database, ledger, options.rows, signal)
  report.line(`${count(options.rows, 'patient')} in a table, in the clear (${seconds(since)})`)
  const fleet = createFleet(env)
  cleanup.add(() => fleet.stop())
  for (let i = 0; i < INSTANCES; i++) await fleet.add('before')
  const writers = startWriters(fleet, ledger, options.rows, options.writers)
  cleanup.add(() => writers.stop())
  const cli = createConsole(env, report, cleanup, signal)
  report.line(
    `${count(INSTANCES, 'instance')} of it, without the extension, and ${count(options.writers, 'user')} who do not stop until the end`,
  )

  report.step('What a thief of a backup would get')
  await lookBefore(database, ledger, report, signal)

  report.step('A column for the envelope')
  await applyMigration(database, '20260201000000_envelope')
  report.line('The migration adds one column that may be NULL. The old instances go on, and know nothing of it')
  await cli.run(['status'])

  const deploy = (version: Version): Promise<void> => roll(version, fleet, writers, report, signal)
  report.step('Deploy `plain`: reads envelopes, where there are any, and writes plaintext as before')
  await deploy('plain')
  report.step('Deploy `dual`: what is written is encrypted from here on')
  await deploy('dual')

  report.step('`encrypt`, beside the running application: two processes, one of which is killed')
  await encryptWithAccident(cli, database, options.rows, report)
  requireNoFailure(writers)
  await cli.run(['status'])

  report.step('`verify`: opens every row')
  await cli.run(['verify'])

  report.step('`guard`: from here on, PostgreSQL refuses plaintext')
  await cli.run(['guard', '--apply'])
  requireNoFailure(writers)

  report.step('Deploy `strict`: a row that is not sealed is an error from here on')
  await deploy('strict')

  report.step('Somebody starts the old application once more')
  await showRefusals(env, database, report, cleanup)

  report.step('The users go home, and everything is checked')
  await writers.stop()
  requireNoFailure(writers)
  await cli.run(['verify'])
  await showRow(database, report)
  const wrong = await check(fleet, database, ledger, report, signal)
  report.line(`The KMS was asked ${count(kmsCalls(), 'time')} in all`)
  return { rows: ledger.size, writes: ledger.writes, reads: writers.reads, kmsCalls: kmsCalls(), wrong }
}

/** Shows a row as it stands in the table. The search that finds nothing in the end must find something in each row before. */
async function lookBefore(database: Database, ledger: Ledger, report: Report, signal: AbortSignal): Promise<void> {
  await showRow(database, report)
  const { rows, hits } = await searchFor(ledger.secrets, `(select * from "Patient" limit ${LOOKED_AT})`, database, signal)
  if (hits < rows) throw new Error(`the search for plaintext found it in ${hits} of ${rows} rows only`)
  report.line(`A search for all personal values finds some in each of ${count(rows, 'row')} that it looks at`)
}

async function showRow({ sql }: Database, report: Report): Promise<void> {
  const { rows } = await sql.query<{ key: string; value: string | null }>(
    'select key, value from (select * from "Patient" order by id limit 1) p, json_each_text(row_to_json(p))',
  )
  report.table(
    ['SELECT * FROM "Patient" …', ''],
    rows.map(({ key, value }) => [key, value ?? 'NULL']),
    100,
  )
}

/** Replaces one instance after the other, as a rolling deployment does. */
async function roll(version: Version, fleet: Fleet, writers: Writers, report: Report, signal: AbortSignal): Promise<void> {
  const since = performance.now()
  const old = fleet.size
  fleet.answered()
  for (let i = 0; i < old; i++) {
    await fleet.add(version)
    await sleep(SIDE_BY_SIDE_MS, undefined, { signal })
    await fleet.removeOldest()
    requireNoFailure(writers)
  }
  const answered = Object.entries(fleet.answered()).map(([name, requests]) => `${count(requests)} by \`${name}\``)
  report.line(`Replaced one by one within ${seconds(since)}. Requests answered meanwhile: ${answered.join(', ')}; none failed`)
}

function requireNoFailure({ failures }: Writers): void {
  if (failures.length > 0) throw new Error(`what users met with:\n  ${failures.join('\n  ')}`)
}

async function check(
  fleet: Fleet,
  database: Database,
  ledger: Ledger,
  report: Report,
  signal: AbortSignal,
): Promise<readonly string[]> {
  let since = performance.now()
  const differences = ledger.differences(await readAll(fleet, signal))
  report.line(
    `${count(ledger.size, 'patient')} read and compared with what users saw acknowledged (${count(ledger.writes, 'write')}) in ${seconds(since)}: ${differences.length === 0 ? 'no difference' : count(differences.length, 'difference')}`,
  )
  since = performance.now()
  const { characters, hits } = await searchFor(ledger.secrets, '"Patient"', database, signal)
  report.line(
    `${count(ledger.secrets.size, 'value')} searched for in the ${count(characters, 'character')} of the table in ${seconds(since)}: ${hits === 0 ? 'none found' : `found in ${count(hits, 'row')}`}`,
  )
  return hits === 0 ? differences : [...differences, `${count(hits, 'row')} of the table with plaintext`]
}
