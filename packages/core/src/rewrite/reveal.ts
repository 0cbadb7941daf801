import type { OpenedRow, RowToOpen } from '../envelope/contract.ts'
import { EnvelopeError } from '../errors.ts'
import type { Subject } from './access.ts'
import { openRows, subjectOf, tellKnownRows } from './cipher-border.ts'
import { comparisonsOf } from './lookup.ts'
import type { Model, Sealing } from './model.ts'
import { isUnsealed, place, type Row, type RowRecord, rowToOpen, UNSEALED, valueOf } from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'
import type { View } from './selection.ts'

/**
 * Replaces placeholders and tokens by the values of the rows' envelopes, through the whole result. All wrapped keys of the tree are unwrapped
 * together, before the first row is opened.
 *
 * @throws EnvelopeError what the first row that does not open throws: `CANNOT_OPEN`, `PLAINTEXT_FOUND`, `FOREIGN_WRITE`, or a code of the KMS.
 */
export async function revealResult(result: unknown, view: View, rewriting: Rewriting): Promise<unknown> {
  const found: Found[] = []
  collect(result, view, rewriting, found)
  const opened = await openAll(found, rewriting)
  const revealing: Revealing = { opened, next: 0, comparisons: [], rewriting }
  const revealed = reveal(result, view, revealing)
  if (revealing.comparisons.length > 0) {
    await rewriting.settle()
    for (const compare of revealing.comparisons) compare()
  }
  return revealed
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

function collect(result: unknown, view: View, rewriting: Rewriting, found: Found[]): void {
  if (Array.isArray(result)) {
    for (const row of result) collect(row, view, rewriting, found)
    return
  }
  if (!isRow(result)) return
  const { sealing } = view.model
  if (view.opens && sealing !== undefined && mustOpen(result, view, sealing) && !isUnsealed(result, sealing))
    found.push({ row: result, model: view.model, toOpen: rowToOpen(result, view.model, sealing, rewriting) })
  for (const [name, inner] of view.relations) collect(result[name], inner, rewriting, found)
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
  readonly comparisons: (() => void)[]
  readonly rewriting: Rewriting
}

function reveal(result: unknown, view: View, revealing: Revealing): unknown {
  if (Array.isArray(result)) return result.map((row) => reveal(row, view, revealing))
  if (!isRow(result)) return result
  const { sealing } = view.model
  let row = result
  if (view.opens && sealing !== undefined) {
    row = without(result, view.strip)
    if (mustOpen(result, view, sealing)) revealRow(result, row, view, sealing, revealing)
  }
  for (const [name, inner] of view.relations) {
    if (row[name] !== undefined) row[name] = reveal(row[name], inner, revealing)
  }
  return row
}

function revealRow(raw: Row, row: Row, view: View, sealing: Sealing, revealing: Revealing): void {
  const { rewriting } = revealing
  const opened = isUnsealed(raw, sealing) ? UNSEALED : nextOpened(raw, view, revealing)
  for (const field of sealing.encrypted) {
    const held = raw[field.name]
    if (held !== undefined) row[field.name] = valueOf(opened, field, held, raw, view.model, rewriting)
  }
  if (view.expectations.length > 0) {
    revealing.comparisons.push(...comparisonsOf(raw, opened, view.model, view.expectations, rewriting))
  }
}

function nextOpened(raw: Row, { model }: View, revealing: Revealing): RowRecord {
  const opened = revealing.opened[revealing.next]
  revealing.next += 1
  if (opened !== undefined && !(opened instanceof EnvelopeError)) return opened
  throw (opened ?? new EnvelopeError('CANNOT_OPEN', 'the row was not opened')).at(place(raw, model, revealing.rewriting))
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
