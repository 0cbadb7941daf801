import { setTimeout as sleep } from 'node:timers/promises'
import { EnvelopeError } from 'prisma-envelope'
import { type Key, Ledger, type Log } from './ledger.ts'
import { OPERATIONS } from './operations.ts'
import { createRandom } from './random.ts'
import type { Attempt, Operation, SharedField, Situation } from './situation.ts'
import { type Db, type OpenClient, openClient, type Place, type Stance } from './stance.ts'
import { operationName, valuesOf } from './values.ts'

/** What a writer begins with; can be sent to another process. */
export interface Commission {
  readonly number: number
  readonly seed: number
  readonly place: Place
  /** Of the rows that only this writer changes. */
  readonly log: Log
  readonly shared: readonly SharedField[]
  readonly tenants: readonly number[]
}

export interface Account {
  readonly log: Log
  /** What was not as it must be. */
  readonly problems: readonly string[]
  /** How often each operation was acknowledged, or refused as it must be. */
  readonly done: ReadonlyMap<string, number>
  readonly unknown: number
}

/** Does one operation after the other until it is told to rest. */
export interface Writer {
  /** Ends what it is at, and goes on with another client, or rests. */
  become(stance: Stance | 'at rest'): Promise<void>
  /** Mostly writes to its rows among these, from now on. */
  attend(keys: readonly Key[]): Promise<void>
  account(): Promise<Account>
  close(): Promise<void>
}

const LONGEST_PAUSE_MS = 40
const MAX_ATTEMPTS = 300
const MAX_PROBLEMS = 20
/** What an application tries again: nothing has been written. */
const CONFLICTS = new Set(['P2034', '40001', '40P01', 'CONFLICT'])
/** A connection that was lost: nobody knows what has been written. */
const UNKNOWN = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'ECONNRESET', 'ECONNREFUSED', '57P01'])

const total = OPERATIONS.reduce((sum, { weight }) => sum + weight, 0)

export function createWriter({ number, seed, place, log, shared, tenants }: Commission): Writer {
  const ledger = new Ledger(log)
  const random = createRandom(seed * 1009 + number)
  const problems: string[] = []
  const done = new Map<string, number>()
  let unknown = 0
  let count = 0
  let isResting = true
  let working: Promise<void> = Promise.resolve()
  let attended: ReadonlySet<Key> = new Set()

  async function workWith(client: OpenClient, stance: Stance): Promise<void> {
    try {
      await work(client.db, stance)
    } finally {
      await client.close()
    }
  }

  async function work(db: Db, stance: Stance): Promise<void> {
    while (!isResting && problems.length < MAX_PROBLEMS) {
      count += 1
      const operation = choose(random.below(total))
      const values: Situation['values'] = (fields) => valuesOf(number, count, fields, random)
      const attempt = operation.prepare({ ledger, random, stance, shared, tenants, attended, values })
      if (attempt !== undefined) await make(operation, attempt, db, stance)
      await sleep(random.below(LONGEST_PAUSE_MS))
    }
  }

  async function make(operation: Operation, attempt: Attempt, db: Db, stance: Stance): Promise<void> {
    const name = `${operationName(number, count)} (${operation.name})`
    const problem = (text: string): void => void problems.push(`${name}, ${stance.as}: ${text}`)
    for (let tried = 1; ; tried += 1) {
      let result: unknown
      try {
        result = await attempt.run(db)
      } catch (error) {
        const code = codeOf(error)
        if (code === attempt.refusal) return add(operation.name)
        if (CONFLICTS.has(code) && tried < MAX_ATTEMPTS) {
          await sleep(random.below(Math.min(50, 2 ** tried)))
          continue
        }
        ledger.write(name, attempt.perhaps ?? [], false)
        unknown += 1
        if (!UNKNOWN.has(code)) problem(`failed with ${told(error)}`)
        return
      }
      if (attempt.refusal !== undefined) return problem(`was not refused with ${attempt.refusal}`)
      ledger.write(name, attempt.effects?.(result) ?? [], true)
      const wrong = attempt.check?.(result)
      if (wrong !== undefined) problem(wrong)
      return add(operation.name)
    }
  }

  function add(operation: string): void {
    done.set(operation, (done.get(operation) ?? 0) + 1)
  }

  const writer: Writer = {
    async become(stance) {
      isResting = true
      await working
      if (stance === 'at rest') return
      isResting = false
      const client = openClient(place, stance)
      working = workWith(client, stance)
      // It is awaited when the writer is told to change.
      working.catch(() => {})
    },
    attend: (keys) => {
      attended = new Set(keys)
      return Promise.resolve()
    },
    account: () => Promise.resolve({ log: ledger.log(), problems, done, unknown }),
    close: () => writer.become('at rest'),
  }
  return writer
}

function choose(at: number): Operation {
  let left = at
  for (const operation of OPERATIONS) {
    left -= operation.weight
    if (left < 0) return operation
  }
  throw new Error('no operation')
}

/** Prisma has no code for what PostgreSQL says to a COMMIT. */
function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: { originalCode?: unknown } }
  return String(code ?? cause?.originalCode)
}

/** Messages of Prisma Client quote arguments; those of the extension hold no values. */
function told(error: unknown): string {
  if (error instanceof EnvelopeError) return `${error.code}: ${error.message}`
  return `${codeOf(error)} (${error instanceof Error ? error.name : typeof error})`
}
