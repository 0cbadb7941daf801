import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, Fleet } from '../application/fleet.ts'
import type { Patient, PatientChange } from '../application/patient.ts'
import { differencesOf, type Ledger } from './ledger.ts'
import { person } from './people.ts'

export interface Writers {
  /** What went wrong so far: requests that failed, and answers that were not what had been written. */
  readonly failures: readonly string[]
  /** Rows read and compared. */
  readonly reads: number
  stop(): Promise<void>
}

const LONGEST_PAUSE_MS = 15
const MOST_FAILURES = 20

/**
 * Users of the application, who insert, update and delete patients and look at them, without pause, whatever is being deployed. Each has patients of its own
 * and waits for one answer before it asks for the next thing, so that it is known at any time what each row must be.
 */
export function startWriters(fleet: Fleet, ledger: Ledger, rows: number, count: number): Writers {
  const failures: string[] = []
  const stopping = new AbortController()
  let reads = 0
  let next = rows

  async function write(own: string[]): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await act(own)
      } catch (error) {
        if (failures.length < MOST_FAILURES) failures.push(messageOf(error))
      }
      await sleep(Math.random() * LONGEST_PAUSE_MS)
    }
  }

  async function act(own: string[]): Promise<void> {
    const dice = Math.random()
    const at = Math.floor(Math.random() * own.length)
    const id = own[at]
    if (id === undefined || dice < 0.3) {
      const patient = person(next++)
      await ask('POST', '/patients', 201, patient, patient)
      ledger.created(patient)
      own.push(patient.id)
    } else if (dice < 0.7) {
      const before = ledger.get(id)
      const change = changeOf(before)
      const path = dice < 0.5 ? `/patients/${id}` : byEmail(before)
      await ask('PATCH', path, 200, change, { ...before, ...change })
      ledger.changed(id, change)
    } else if (dice < 0.8) {
      await ask('DELETE', `/patients/${id}`, 204)
      ledger.deleted(id)
      own[at] = own.at(-1) as string
      own.pop()
      await ask('GET', `/patients/${id}`, 404)
    } else {
      const patient = ledger.get(id)
      await ask('GET', dice < 0.9 ? `/patients/${id}` : byEmail(patient), 200, undefined, patient)
      reads += 1
    }
  }

  /** @throws Error where the answer is not the one that must come. */
  async function ask(method: string, path: string, status: number, body?: unknown, expected?: Patient): Promise<void> {
    const answer = await fleet.request(method, path, body)
    if (answer.status !== status) throw new Error(`${method} by ${answer.version}: ${answer.status} ${reasonOf(answer)}`)
    if (expected === undefined) return
    const differences = differencesOf(expected, answer.body as Patient)
    if (differences.length > 0) throw new Error(`${method} by ${answer.version}: ${differences.join(', ')} not as written`)
  }

  const ids = Array.from({ length: rows }, (_, n) => person(n).id)
  const work = Array.from({ length: count }, (_, writer) => write(ids.filter((_id, n) => n % count === writer)))
  return {
    failures,
    get reads() {
      return reads
    },
    async stop() {
      stopping.abort()
      await Promise.all(work)
    },
  }
}

/** Found in whatever spelling, once it is encrypted; until then, in the one that was written. */
function byEmail({ email }: Patient): string {
  return `/patients?email=${encodeURIComponent(email)}`
}

let visits = 0

function changeOf({ phone }: Patient): PatientChange {
  visits += 1
  if (visits % 3 === 0) return { notes: `Seen again, visit ${visits}`, ward: `W${visits % 20}` }
  if (visits % 3 === 1) return { phone: phone === null ? `+44 30 ${String(visits).padStart(7, '0')}` : null }
  return { email: `Moved.${visits}.Away@Example.org`, birthDate: `19${30 + (visits % 40)}-02-${10 + (visits % 18)}` }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Of a connection that failed, the reason is there.
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

function reasonOf({ body }: Answer): string {
  return (body as { error?: string } | undefined)?.error?.split('\n').at(-1) ?? ''
}
