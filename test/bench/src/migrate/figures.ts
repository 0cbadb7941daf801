import { median, rounded, shuffled } from '../side-by-side.ts'
import { runCommand } from './command-line.ts'
import type { Ground } from './ground.ts'
import { loop, rawUpdate, readyMade } from './references.ts'

export interface Speeds {
  readonly rowsPerSecond: number
  readonly ofRawBound: number
  readonly timesLoop: number
  readonly workers2: number
}

export interface Sizes {
  readonly rows: number
  readonly loopRows: number
  readonly rounds: number
}

const MODEL = 'Migrated'

/** Moves the same rows in each way, in random order, round after round, so that whatever else the machine does falls on all alike. */
export async function timeEncrypt(ground: Ground, sizes: Sizes, say: (line: string) => void): Promise<Speeds> {
  const { rows, loopRows, rounds } = sizes
  const env = ground.env(['pii'])
  const encrypt = async (workers: number): Promise<number> =>
    (await runCommand(['encrypt', MODEL, '--workers', String(workers)], env)).milliseconds
  await ground.fill(rows)
  await encrypt(1)
  await ground.assertSealed(rows)
  const envelopes = await readyMade(ground)

  const tasks = {
    // Of an empty table: what the process needs to start, load its configuration and find that nothing is left.
    startUp: async () => encrypt(1),
    one: async () => encrypt(1),
    two: async () => encrypt(2),
    raw: async () => rawUpdate(ground, envelopes),
    loop: async () => loop(ground, loopRows),
  }
  const times = { startUp: [] as number[], one: [] as number[], two: [] as number[], raw: [] as number[], loop: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    for (const name of shuffled(['startUp', 'one', 'two', 'raw', 'loop'] as const)) {
      await ground.fill(name === 'startUp' ? 0 : rows)
      times[name].push(await tasks[name]())
      if (name === 'one' || name === 'two') await ground.assertSealed(rows)
    }
    const last = Object.entries(times).map(([name, all]) => `${name} ${Math.round(all.at(-1) ?? 0)} ms`)
    say(`round ${round + 1} of ${rounds}: ${last.join(', ')}`)
  }

  const startUp = median(times.startUp)
  const speed = { one: rows / (median(times.one) - startUp), two: rows / (median(times.two) - startUp) }
  return {
    rowsPerSecond: Math.round(speed.one * 1000),
    ofRawBound: rounded(speed.one / (rows / median(times.raw))),
    timesLoop: rounded(speed.one / (loopRows / median(times.loop))),
    workers2: rounded(speed.two / speed.one),
  }
}

/** So few rows of a branch key that there are many of them. */
const ROWS_OF_A_KEY = 500

/** Moves rows from one KMS key to another, and counts what the KMS is asked. */
export async function countRewrap(ground: Ground, rows: number) {
  const { kms } = ground.stand
  await ground.fill(rows)
  await runCommand(['encrypt', MODEL], ground.env(['pii'], ROWS_OF_A_KEY))
  const [before] = await ground.sql.unsafe(`SELECT count(DISTINCT envelope ->> 'wk')::int AS keys FROM "Migrated"`)
  kms.resetLog()
  await runCommand(['rotate', '--rewrap', MODEL], ground.env(['next', 'pii']))
  const kmsCalls = Object.values(kms.calls).reduce((sum: number, calls) => sum + calls, 0)
  const [after] = await ground.sql.unsafe(`SELECT count(*)::int AS rows FROM "Migrated" WHERE envelope ->> 'kid' = 'next'`)
  if (after?.['rows'] !== rows) throw new Error(`${after?.['rows']} of ${rows} rows are under the new key`)
  await ground.assertSealed(rows)
  return { kmsCalls, distinctKeys: before?.['keys'] as number }
}

/** The peak of resident memory of a process that encrypts a table of so many rows. */
export async function peakMemory(ground: Ground, rows: number): Promise<number> {
  await ground.fill(rows)
  const { peakMegabytes } = await runCommand(['encrypt', MODEL], ground.env(['pii']))
  await ground.assertSealed(rows)
  return Math.round(peakMegabytes)
}
