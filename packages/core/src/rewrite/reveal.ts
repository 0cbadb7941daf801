import type { OpenedRow, RowToOpen } from '../envelope/contract.ts'
import { EnvelopeError } from '../errors.ts'
import type { Subject } from './access.ts'
import { openRows, subjectOf, tellKnownRows } from './cipher-border.ts'
import { comparisonsOf } from './lookup.ts'
import type { Model, Sealing } from './model.ts'
import {
  hasEnvelope,
  isUnsealed,
  place,
  plaintextFound,
  type Row,
  type RowRecord,
  rowToOpen,
  UNSEALED,
  valueOf,
} from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'
import type { View } from './selection.ts'
import { isErased, LEFT_OUT, listSpot, markable, marksOf, relatedSpot, type Spot, singleSpot } from './unreadable.ts'

/**
 * Replaces placeholders and tokens by the values of the rows' envelopes, through the whole result. All wrapped keys of the tree are unwrapped
 * together, before the first row is opened. Rows that do not open are marked or left out where the options say so.
 *
 * @throws EnvelopeError what the first row that does not open throws: `CANNOT_OPEN`, `PLAINTEXT_FOUND`, `FOREIGN_WRITE`, or a code of the KMS.
 */
export async function revealResult(result: unknown, view: View, rewriting: Rewriting): Promise<unknown> {
  const found: Found[] = []
  const spot = singleSpot(rewriting)
  collect(result, view, rewriting, found, spot)
  const opened = await openAll(found, rewriting)
  const revealing: Revealing = { opened, next: 0, leftOut: 0, comparisons: [], rewriting }
  const revealed = reveal(result, view, revealing, spot)
  if (revealing.comparisons.length > 0) {
    await rewriting.settle()
    for (const compare of revealing.comparisons) compare()
  }
  return revealed === LEFT_OUT ? null : revealed
}

/** In the order of `rows`; those that this very operation has sealed are known. */
async function openAll(found: readonly Found[], rewriting: Rewriting): Promise<readonly (OpenedRow | EnvelopeError)[]> {
  const open = (some: readonly Found[]): Promise<readonly (OpenedRow | EnvelopeError)[]> =>
    openRows(
      some.map(({ toOpen }) => toOpen),
      (i) => subjectAt(some, i),
      rewriting,
    )
  if (rewriting.sealedRows.isEmpty) return open(found)
  const known = found.map(({ toOpen }) => rewriting.sealedRows.take(toOpen))
  tellKnownRows(known, (i) => subjectAt(found, i), rewriting)
  const opened = (await open(found.filter((_, i) => known[i] === undefined)))[Symbol.iterator]()
  return known.map((row) => row ?? (opened.next().value as OpenedRow | EnvelopeError))
}

function collect(result: unknown, view: View, rewriting: Rewriting, found: Found[], spot: Spot): void {
  if (Array.isArray(result)) {
    for (const row of result) collect(row, view, rewriting, found, listSpot())
    return
  }
  if (!isRow(result)) return
  const { model } = view
  const { sealing } = model
  if (view.opens && sealing !== undefined && isToOpen(result, view, sealing, rewriting, spot))
    found.push({ row: result, model, toOpen: rowToOpen(result, model, sealing, rewriting) })
  for (const [name, inner] of view.relations) collect(result[name], inner, rewriting, found, relatedSpot(model, name, spot))
}

/** A row that lacks the envelope it must have is an error before anything is opened, unless it can be marked. */
function isToOpen(row: Row, view: View, sealing: Sealing, rewriting: Rewriting, spot: Spot): boolean {
  if (!mustOpen(row, view, sealing) || isUnsealed(row, sealing)) return false
  return hasEnvelope(row, sealing) || !isMarked(view, rewriting, spot)
}

/** Whether a row that does not open is marked. One that was looked for by an encrypted value is not known to be the one that was meant. */
function isMarked(view: View, rewriting: Rewriting, spot: Spot): boolean {
  return rewriting.tools.unreadable.marks && spot.inList && view.expectations.length === 0
}

/** A row of the result that is to be opened. */
interface Found {
  readonly row: Row
  readonly model: Model
  readonly toOpen: RowToOpen
}

/** The caller gets what the row was read with. */
function subjectAt(found: readonly Found[], index: number): Subject {
  const { row, model } = found[index] as Found
  const fields = (model.sealing?.encrypted ?? []).filter(({ name }) => row[name] !== undefined)
  return subjectOf(
    model,
    row,
    fields.map(({ name }) => name),
  )
}

function mustOpen(row: Row, view: View, sealing: Sealing): boolean {
  if (view.expectations.length > 0) return true
  for (const field of sealing.encrypted) if (row[field.name] !== undefined) return true
  return false
}

/** The second walk, in the order of the first, so that a counter pairs rows with what was opened. */
interface Revealing {
  readonly opened: readonly (OpenedRow | EnvelopeError)[]
  next: number
  leftOut: number
  readonly comparisons: (() => void)[]
  readonly rewriting: Rewriting
}

function reveal(result: unknown, view: View, revealing: Revealing, spot: Spot): unknown {
  if (Array.isArray(result)) return revealList(result, view, revealing)
  if (!isRow(result)) return result
  const { sealing } = view.model
  let row = result
  if (view.opens && sealing !== undefined) {
    row = without(result, view.strip)
    if (mustOpen(result, view, sealing) && !revealRow(result, row, view, sealing, revealing, spot)) {
      return leaveOut(result, view, revealing, spot)
    }
  }
  for (const [name, inner] of view.relations) {
    if (row[name] === undefined) continue
    const related = reveal(row[name], inner, revealing, relatedSpot(view.model, name, spot))
    row[name] = related === LEFT_OUT ? null : related
  }
  return row
}

function revealList(rows: readonly unknown[], view: View, revealing: Revealing): unknown[] {
  const before = revealing.leftOut
  const revealed = rows.map((row) => reveal(row, view, revealing, listSpot()))
  return revealing.leftOut === before ? revealed : revealed.filter((row) => row !== LEFT_OUT)
}

/** Passes by what was opened of the rows below it. */
function leaveOut(row: Row, view: View, revealing: Revealing, spot: Spot): typeof LEFT_OUT {
  const below: Found[] = []
  for (const [name, inner] of view.relations) {
    collect(row[name], inner, revealing.rewriting, below, relatedSpot(view.model, name, spot))
  }
  revealing.next += below.length
  revealing.leftOut += 1
  return LEFT_OUT
}

/** @returns whether the row stays in the result. */
function revealRow(raw: Row, row: Row, view: View, sealing: Sealing, revealing: Revealing, spot: Spot): boolean {
  const { rewriting } = revealing
  try {
    openRow(raw, row, view, sealing, revealing, spot)
    return true
  } catch (error) {
    if (rewriting.tools.unreadable.skipsErased && spot.spares && isErased(error)) return false
    if (!isMarked(view, rewriting, spot) || !markable(error)) throw error
    const markOf = marksOf(error, raw, view.model, rewriting)
    for (const { name } of sealing.encrypted) if (raw[name] !== undefined) row[name] = markOf(name)
    return true
  }
}

function openRow(raw: Row, row: Row, view: View, sealing: Sealing, revealing: Revealing, spot: Spot): void {
  const { rewriting } = revealing
  const opened = isUnsealed(raw, sealing) ? UNSEALED : nextOpened(raw, view, sealing, revealing, spot)
  for (const field of sealing.encrypted) {
    const held = raw[field.name]
    if (held !== undefined) row[field.name] = valueOf(opened, field, held, raw, view.model, rewriting)
  }
  if (view.expectations.length > 0) {
    revealing.comparisons.push(...comparisonsOf(raw, opened, view.model, view.expectations, rewriting))
  }
}

function nextOpened(raw: Row, view: View, sealing: Sealing, revealing: Revealing, spot: Spot): RowRecord {
  const { model } = view
  const { rewriting } = revealing
  if (!isToOpen(raw, view, sealing, rewriting, spot)) throw plaintextFound(raw, model, rewriting)
  const opened = revealing.opened[revealing.next]
  revealing.next += 1
  if (opened !== undefined && !(opened instanceof EnvelopeError)) return opened
  throw (opened ?? new EnvelopeError('CANNOT_OPEN', 'the row was not opened')).at(place(raw, model, rewriting))
}

/** A copy: `delete` on a row costs more than building it anew, as it ends the object's fast shape. */
function without(row: Row, strip: ReadonlySet<string>): Row {
  const out: Row = {}
  for (const key in row) if (!strip.has(key)) out[key] = row[key]
  return out
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null
}
