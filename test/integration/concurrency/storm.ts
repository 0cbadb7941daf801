import { setTimeout as sleep } from 'node:timers/promises'
import { EnvelopeError } from 'prisma-envelope'
import { attempt, type Client } from './attempts.ts'
import { columnsOf, idOf, type ModelName, type Row } from './rows.ts'
import type { Unit } from './units.ts'
import { type Acknowledged, POPULATION } from './verdict.ts'

/** What came of a storm. */
export interface Storm {
  readonly acknowledged: ReadonlyMap<number, Acknowledged>
  /** Rows as readers have seen them meanwhile. */
  readonly seen: ReadonlyMap<string, { readonly id: string; readonly row: Row }>
  readonly tally: Tally
}

export interface Tally {
  /** Units that were refused for good, by the codes of their errors: what they were to change was not there, or there already. */
  readonly refused: Map<string, number>
  /** Attempts that a rival has spoilt, by code. Each was made again. */
  readonly conflicts: Map<string, number>
  rolledBack: number
  /** Times that readers have read everything. */
  read: number
  /** Readings that failed as {@link Weather.mayFail} says they may. */
  failedReads: number
}

export interface Weather {
  readonly writers: number
  readonly readers: number
  /** Errors that have another reason than other writers. */
  mayFail?(error: unknown): boolean
}

/** Unique violations, and records that are not there: what an application has to expect of its rivals. */
const REFUSALS = new Set(['P2002', 'P2003', 'P2014', 'P2015', 'P2017', 'P2018', 'P2025'])
const MAX_ATTEMPTS = 500

/** Lets writers do their units side by side, each again until it is done or refused, as an application would; others read meanwhile. */
export async function storm(
  client: Client,
  units: readonly Unit[],
  { writers, readers, mayFail = () => false }: Weather,
): Promise<Storm> {
  const acknowledged = new Map<number, Acknowledged>()
  const seen = new Map<string, { id: string; row: Row }>()
  const tally: Tally = { refused: new Map(), conflicts: new Map(), rolledBack: 0, read: 0, failedReads: 0 }
  const queue = [...units]
  let attempts = POPULATION
  let writing = true

  async function write(unit: Unit): Promise<void> {
    for (let tried = 1; ; tried += 1) {
      attempts += 1
      const number = attempts
      try {
        const outcome = await attempt(client, unit, number)
        if (outcome === undefined) tally.rolledBack += 1
        else acknowledged.set(number, outcome)
        return
      } catch (error) {
        const code = codeOf(error)
        if (REFUSALS.has(code) || mayFail(error)) return add(tally.refused, code)
        if (!isConflict(error) || tried === MAX_ATTEMPTS) throw error
        add(tally.conflicts, code)
        await sleep(Math.random() * Math.min(50, 2 ** tried))
      }
    }
  }

  async function writer(): Promise<void> {
    for (let unit = queue.shift(); unit !== undefined; unit = queue.shift()) await write(unit)
  }

  async function reader(): Promise<void> {
    while (writing) {
      try {
        for (const [model, row] of await readAll(client)) {
          const columns = columnsOf(model, row)
          const id = idOf(model, columns)
          seen.set(`${id} ${JSON.stringify(columns)}`, { id, row: columns })
        }
        tally.read += 1
      } catch (error) {
        if (!mayFail(error)) throw error
        tally.failedReads += 1
      }
    }
  }

  const written = Promise.all(Array.from({ length: writers }, writer)).finally(() => {
    writing = false
  })
  await Promise.all([written, ...Array.from({ length: readers }, reader)])
  return { acknowledged, seen, tally }
}

async function readAll(client: Client): Promise<readonly (readonly [ModelName, Row])[]> {
  const people = await client.person.findMany({ include: { locker: true, badge: true, letters: true, memberships: true } })
  return people.flatMap((person) => [
    ['Person', person] as const,
    ...[person.locker].flatMap((row) => (row === null ? [] : [['Locker', row] as const])),
    ...[person.badge].flatMap((row) => (row === null ? [] : [['Badge', row] as const])),
    ...person.letters.map((row) => ['Letter', row] as const),
    ...person.memberships.map((row) => ['Membership', row] as const),
  ])
}

/** What an application tries again: write conflicts and deadlocks. */
function isConflict(error: unknown): boolean {
  return ['P2034', '40001', '40P01'].includes(codeOf(error)) || (error instanceof EnvelopeError && error.code === 'CONFLICT')
}

/** Prisma has no code for what PostgreSQL says to a COMMIT, nor, before version 7, for a deadlock. */
function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: { originalCode?: unknown } }
  return String(code ?? cause?.originalCode)
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
