import type { Finding } from '../batches/task.ts'
import type { Diagnosis } from '../doctor/diagnosis.ts'

/** The course of one model's rows. */
export interface Progress {
  readonly model: string
  readonly done: number
  /** Rows to do, as far as known at the start. */
  readonly total: number
  /** Of the last seconds. */
  readonly rowsPerSecond: number
  readonly kmsCalls: number
  readonly findings: number
}

/** Where a command tells what it does: a terminal, a log, or a program. */
export interface Output {
  progress(progress: Progress): void
  finding(finding: Finding | Diagnosis): void
  /** Something to know while it runs: a pause, a retry. */
  note(text: string): void
  /** What the command has to say in the end: as text for people, as an object for programs. */
  result(text: string, result: Readonly<Record<string, unknown>>): void
  /** Leaves the terminal as it was. */
  close(): void
}

/** Standard streams, or what a test has instead. */
export interface Streams {
  readonly out: NodeJS.WritableStream
  readonly err: NodeJS.WritableStream & { readonly isTTY?: boolean }
}

const LINE_EVERY_MS = 5_000

/** Plain lines: results to `out`, all else to `err`. */
export function lineOutput({ out, err }: Streams): Output {
  const printed = new Map<string, number>()
  return {
    progress(progress) {
      const now = performance.now()
      const isLast = progress.done >= progress.total
      if (!isLast && now - (printed.get(progress.model) ?? Number.NEGATIVE_INFINITY) < LINE_EVERY_MS) return
      printed.set(progress.model, now)
      err.write(`${progressText(progress)}\n`)
    },
    finding: (finding) => void err.write(`${findingText(finding)}\n`),
    note: (text) => void err.write(`${text}\n`),
    result: (text) => void out.write(`${text}\n`),
    close() {},
  }
}

/** One JSON object a line, each with its `event`. */
export function jsonOutput({ out }: Streams): Output {
  const print = (event: string, data: object): void => void out.write(`${JSON.stringify({ event, ...data })}\n`)
  const printed = new Map<string, number>()
  return {
    progress(progress) {
      const now = performance.now()
      if (now - (printed.get(progress.model) ?? Number.NEGATIVE_INFINITY) < LINE_EVERY_MS) return
      printed.set(progress.model, now)
      print('progress', progress)
    },
    finding: (finding) => print('finding', finding),
    note: (text) => print('note', { text }),
    result: (_text, result) => print('result', result),
    close() {},
  }
}

export function findingText(finding: Finding | Diagnosis): string {
  if ('remedy' in finding) return diagnosisText(finding)
  const { model, field, primaryKey, code, reason } = finding
  const key = Object.entries(primaryKey)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')
  return `${field === undefined ? model : `${model}.${field}`} (${key}): ${code}: ${reason}`
}

function diagnosisText({ severity, code, model, field, key, meaning, remedy }: Diagnosis): string {
  const place = [model === undefined ? undefined : field === undefined ? model : `${model}.${field}`, key && `key ${key}`]
  const subject = place.filter((part) => part !== undefined).join(', ')
  return `${severity} ${code}${subject === '' ? '' : ` ${subject}`}: ${meaning}\n    → ${remedy}`
}

export function progressText({ model, done, total, rowsPerSecond, kmsCalls, findings }: Progress): string {
  const share = total === 0 ? 100 : Math.min(100, Math.floor((100 * done) / total))
  const eta = rowsPerSecond > 0 && total > done ? `, ${durationText((total - done) / rowsPerSecond)} to go` : ''
  return `${model}: ${done} of ${total} rows (${share} %), ${Math.round(rowsPerSecond)} rows/s${eta}, ${kmsCalls} KMS calls${findings > 0 ? `, ${findings} findings` : ''}`
}

export function durationText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}
