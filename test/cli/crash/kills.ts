import { setTimeout as sleep } from 'node:timers/promises'
import { type CliResult, type CliSetup, type RunningCli, startCli } from '../../support/cli.ts'
import type { TestDatabase } from '../../support/database.ts'
import type { Random } from './random.ts'
import { SLOW } from './slow-motion.ts'

/** What became of the processes of one command. */
export interface Toll {
  readonly kills: number
  /** Kills of processes that were in the middle of a transaction that writes rows. */
  readonly inWork: number
  /** Kills of one process while the other one went on. */
  readonly ofOne: number
  /** How often a process came to its end by itself. */
  readonly ended: number
  readonly problems: readonly string[]
}

export interface Assault {
  readonly database: TestDatabase
  readonly setup: CliSetup
  /** Of each of the two processes. */
  readonly args: (process: number) => readonly string[]
  readonly kills: number
  readonly random: Random
  /** Rows of a transaction. */
  readonly batch: number
  /** False where writers keep making work for the command: it then dies in the end. */
  readonly comesToEnd: boolean
}

interface Victim {
  readonly session: string
  readonly running: RunningCli
  result: CliResult | undefined
}

const PROCESSES = 2
const STARTING_MS = 1_500
const WORKING_MS = 900
const LOOK_EVERY_MS = 10
/** Of ends without a kill, after which there can't be anything left to do. */
const ENDS = 6

/**
 * Runs a command in two processes and kills now one of them, now both, at random moments of their lives; each is started again. At last both are let
 * come to their ends, where there is one.
 */
export async function assault({ database, setup, args, kills, random, batch, comesToEnd }: Assault): Promise<Toll> {
  let started = 0
  const problems: string[] = []
  const tally = { kills: 0, inWork: 0, ofOne: 0, ended: 0 }

  const command = args(0).slice(0, 2).join(' ')

  const start = (at: number): Victim => {
    started += 1
    const session = `${SLOW} ${command} ${started}`
    const url = new URL(setup.databaseUrl)
    url.searchParams.set('application_name', session)
    const running = startCli({ ...setup, databaseUrl: url.href }, [
      ...args(at),
      '--json',
      '--batch',
      String(batch),
      '--workers',
      '2',
    ])
    const victim: Victim = { session, running, result: undefined }
    void running.ended.then((result) => {
      victim.result = result
    })
    return victim
  }

  /** A process that came to its end by itself must have been content. */
  const settle = (result: CliResult): void => {
    tally.ended += 1
    if (result.code === 0) return
    const findings = result.events.filter(({ event }) => event === 'finding').slice(0, 3)
    problems.push(`${command} ended with ${result.code}: ${result.err.slice(0, 500)} ${JSON.stringify(findings)}`)
  }

  const isWriting = async ({ session }: Victim): Promise<boolean> => {
    const sessions = await database.sql(
      `SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND backend_type = 'client backend'
       AND (state LIKE 'idle in transaction%' OR state = 'active' AND query ~* '^\\s*(update|commit|release)')`,
      [session],
    )
    return sessions.length > 0
  }

  /** Some die while they start, most some time after they began to write. */
  async function moment(victim: Victim): Promise<void> {
    if (random.chance(0.15)) {
      await sleep(random.below(STARTING_MS))
      return
    }
    while (victim.result === undefined && !(await isWriting(victim))) await sleep(LOOK_EVERY_MS)
    if (victim.result === undefined) await sleep(random.below(WORKING_MS))
  }

  async function kill(victim: Victim): Promise<boolean> {
    const { process } = victim.running
    // It stands still while one looks what it was at.
    if (victim.result !== undefined || !process.kill('SIGSTOP')) return false
    const wasWriting = await isWriting(victim)
    process.kill('SIGKILL')
    const { code } = await victim.running.ended
    if (code !== null) return false
    tally.kills += 1
    if (wasWriting) tally.inWork += 1
    return true
  }

  const victims = Array.from({ length: PROCESSES }, (_, i) => start(i))
  while (tally.kills < kills && problems.length === 0) {
    const at = random.below(PROCESSES)
    const isBoth = tally.kills + 1 < kills && random.chance(1 / 3)
    await moment(victims[at] as Victim)
    for (const [i, victim] of victims.entries()) {
      if ((isBoth || i === at) && (await kill(victim)) && !isBoth) tally.ofOne += 1
    }
    victims.forEach((victim, i) => {
      if (victim.result === undefined) return
      if (victim.result.code !== null) settle(victim.result)
      victims[i] = start(i)
    })
    if (tally.ended > ENDS + kills) throw new Error(`${command} has nothing left to do, after ${tally.kills} of ${kills} kills`)
  }
  for (const { running } of victims) {
    if (!comesToEnd) running.process.kill('SIGKILL')
    const result = await running.ended
    if (result.code !== null) settle(result)
  }
  return { ...tally, problems }
}
