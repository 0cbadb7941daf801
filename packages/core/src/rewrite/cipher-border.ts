import type { Envelope, KeyNote, OpenedRow, RowToOpen, RowToSeal } from '../envelope/contract.ts'
import { EnvelopeError, type EnvelopeErrorCode } from '../errors.ts'
import { accessEvent, type Circumstances, type Subject } from './access.ts'
import { isKnown, type Lookup } from './binding.ts'
import type { Model } from './model.ts'
import type { Row } from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'

/** Who has rows opened or sealed says which ones; asked only where somebody listens. */
export type SubjectAt = (index: number) => Subject

/** All rows that an operation opens go through here, so that each is told. Results in the order of `rows`. */
export async function openRows(
  rows: readonly RowToOpen[],
  subjectAt: SubjectAt,
  rewriting: Rewriting,
): Promise<readonly (OpenedRow | EnvelopeError)[]> {
  const { cipher, accesses } = rewriting.tools
  if (rows.length === 0) return []
  if (!accesses.isOn) return cipher.open(rows)
  const notes: KeyNote[] = []
  const started = performance.now()
  const opened = await cipher.open(rows, notes)
  const circumstances = circumstancesOf(rewriting, started)
  opened.forEach((row, i) => {
    const code = row instanceof EnvelopeError ? row.code : undefined
    accesses.tell(accessEvent('open', subjectAt(i), notes[i], circumstances, code))
  })
  return opened
}

/** Tells of rows that the operation has sealed itself, whose values it gives to the caller; `undefined` in place of the others. */
export function tellKnownRows(rows: readonly (OpenedRow | undefined)[], subjectAt: SubjectAt, rewriting: Rewriting): void {
  const { accesses } = rewriting.tools
  if (!accesses.isOn) return
  const circumstances = circumstancesOf(rewriting, performance.now())
  rows.forEach((row, i) => {
    if (row === undefined) return
    const { kid, ctx } = row.envelope
    accesses.tell(accessEvent('open', subjectAt(i), { keyName: kid, context: ctx, cache: 'hit' }, circumstances))
  })
}

/** All rows that an operation seals go through here, so that each is told. Results in the order of `rows`. */
export async function sealRows(
  rows: readonly RowToSeal[],
  subjectAt: SubjectAt,
  rewriting: Rewriting,
): Promise<readonly Envelope[]> {
  const { cipher, accesses } = rewriting.tools
  if (!accesses.isOn) return cipher.seal(rows)
  const notes: KeyNote[] = []
  const started = performance.now()
  const tellEach = (code?: EnvelopeErrorCode): void => {
    const circumstances = circumstancesOf(rewriting, started)
    rows.forEach(({ kid, ctx }, i) => {
      const note = notes[i] ?? { keyName: kid, context: ctx, cache: undefined }
      accesses.tell(accessEvent('seal', subjectAt(i), note, circumstances, code))
    })
  }
  try {
    const envelopes = await cipher.seal(rows, notes)
    tellEach()
    return envelopes
  } catch (error) {
    if (error instanceof EnvelopeError) tellEach(error.code)
    throw error
  }
}

/** Of a row that was read, or that was found to have no envelope. */
export function subjectOf(model: Model, row: Row, fields: readonly string[]): Subject {
  return subjectBy(model, (name) => ({ value: row[name] }), fields)
}

/** Of a row that is written. */
export function subjectBy(model: Model, lookup: Lookup, fields: readonly string[]): Subject {
  const primaryKey: Record<string, unknown> = {}
  for (const name of model.plan.primaryKey) {
    const found = lookup(name)
    if (!isKnown(found)) return { model: model.name, primaryKey: null, fields }
    primaryKey[name] = found.value
  }
  return { model: model.name, primaryKey, fields }
}

/** Rows that are read, but refused before or after they are opened. */
const REFUSED: ReadonlySet<EnvelopeErrorCode> = new Set<EnvelopeErrorCode>(['PLAINTEXT_FOUND', 'FOREIGN_WRITE'])

/** Does `work`, and tells of a row that it ends with an error for, though the cipher had no part in it. */
export async function tellingRefusals<T>(rewriting: Rewriting, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    tellRefusal(error, rewriting)
    throw error
  }
}

/** Tells of a row that was read, but refused before or after it was opened; the cipher's own failures are told already. */
export function tellRefusal(error: unknown, rewriting: Rewriting): void {
  if (error instanceof EnvelopeError && REFUSED.has(error.code)) tellUnopened(error, rewriting)
}

/** Tells of a row that is not opened for a reason that the cipher does not know. */
export function tellUnopened(error: EnvelopeError, rewriting: Rewriting): void {
  const { accesses } = rewriting.tools
  if (!accesses.isOn || error.model === undefined) return
  const { model, field, primaryKey = null } = error
  const subject: Subject = { model, primaryKey, fields: field === undefined ? [] : [field] }
  accesses.tell(accessEvent('open', subject, undefined, circumstancesOf(rewriting, performance.now()), error.code))
}

function circumstancesOf(rewriting: Rewriting, started: number): Circumstances {
  return { operation: rewriting.operation, settings: rewriting.settings, duration: performance.now() - started }
}
