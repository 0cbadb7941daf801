import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../patients/src/database/database.ts'
import { count, type Report, seconds } from '../../patients/src/report.ts'
import type { Console } from './console.ts'

const LOOK_EVERY_MS = 50
/** Share of the rows after which one of the two is killed. */
const KILLED_AFTER = 0.3
/** What B says beyond that, A says too. */
const OF_ROWS = /^Patient:/

/** Two processes share the table, without knowing of each other; one is killed in the middle of its work, and started again. */
export async function encryptWithAccident(cli: Console, database: Database, rows: number, report: Report): Promise<void> {
  const since = performance.now()
  // Slow enough to be killed in the middle, on whatever machine.
  const args = ['encrypt', '--batch', String(Math.min(1000, Math.ceil(rows / 50))), '--rate', String(Math.ceil(rows / 8))]
  report.line(`A, B $ npx prisma-envelope-cli ${args.join(' ')}`)
  const a = cli.start(args, 'A')
  const b = cli.start(args, 'B', OF_ROWS)
  const alive = (): boolean => b.process.exitCode === null && b.process.signalCode === null
  while (alive() && (await encryptedRows(database)) < KILLED_AFTER * rows) await sleep(LOOK_EVERY_MS)
  b.process.kill('SIGKILL')
  await b.ended
  if (b.process.signalCode !== 'SIGKILL') throw new Error('B ended before it could be killed')
  const done = await encryptedRows(database)
  if (done >= rows) throw new Error('B was killed when all was done')
  report.line(`B  killed by SIGKILL, with ${count(done)} rows encrypted so far; started again as B2`)
  const again = cli.start(args, 'B2', OF_ROWS)
  const codes = await Promise.all([a.ended, again.ended])
  if (codes.some((code) => code !== 0)) throw new Error(`\`encrypt\` ended with ${codes.join(' and ')}`)
  report.line(`${count(await encryptedRows(database))} rows hold an envelope after ${seconds(since)}`)
}

async function encryptedRows({ sql }: Database): Promise<number> {
  const { rows } = await sql.query<{ encrypted: number }>('select count(envelope)::int as encrypted from "Patient"')
  return rows[0]?.encrypted ?? 0
}
