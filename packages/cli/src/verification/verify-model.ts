import { createRowCipher, EnvelopeError, type KeyService, type OpenedRow } from 'prisma-envelope/rows'
import { type EachPageEvents, type EachPageOptions, eachPage } from '../batches/each-page.ts'
import type { Pace } from '../batches/pace.ts'
import { patiently } from '../batches/retry.ts'
import type { Connection } from '../database/connection.ts'
import { openRows } from '../rows/reopened.ts'
import type { StoredRow } from '../rows/stored-row.ts'
import type { Field, Table } from '../rows/table.ts'
import { type Comparison, keysOf, type OpenRow, openCopy, type Verdict } from './copy.ts'
import type { Findings } from './findings.ts'
import { keyedPages, type ReadRow, rowsByKey, tablePages } from './read-rows.ts'
import type { IsRetired } from './retired.ts'
import { type Problem, problemsOf, type Tokenizers } from './row-checks.ts'
import { type Sample, sampleKeys } from './sample.ts'

export interface VerifyOptions extends EachPageOptions {
  /** Rows of a page. */
  readonly batch: number
  /** Rows to choose at random; all if undefined. */
  readonly sample: number | undefined
  /** Rows that are opened together, so that what they ask of the KMS fits into its deadline. */
  readonly openedTogether: number
  readonly isRetired: IsRetired
  /** A connection to a copy. */
  readonly against: Connection | undefined
}

export interface VerifyEvents extends EachPageEvents {
  done(rows: number): void
}

export interface ModelReport {
  readonly model: string
  readonly rows: number
  /** Whether all rows were read that should be. */
  readonly complete: boolean
  readonly sample?: Sample['method']
  /** Rows whose record holds a field that the plan does not know, by its sealed name. Nothing is wrong with them. */
  readonly unknownFields: Readonly<Record<string, number>>
  readonly against?: Comparison
}

const KEY_RETIRED: Problem = {
  code: 'KEY_RETIRED',
  reason: 'the row is under a key that stands behind `minimumKey`: applications refuse it until `rotate --rewrap` has moved it',
}

export async function verifyModel(
  sql: Connection,
  keys: KeyService,
  table: Table,
  fields: readonly Field[],
  pace: Pace,
  options: VerifyOptions,
  findings: Findings,
  events: VerifyEvents,
): Promise<ModelReport> {
  const { batch, against, stop } = options
  const cipher = createRowCipher({ keys })
  const identities = new Set(table.fields.map(({ identity }) => identity))
  const unknownFields = new Map<string, number>()
  const copy = against === undefined ? undefined : await patient(() => openCopy(against, table, fields, keys))
  const comparison: Comparison = { equal: 0, differing: 0, onlyHere: 0, onlyThere: 0, unreadable: 0, rounded: 0 }
  const wanted = options.sample
  const sample = wanted === undefined ? undefined : await patient(() => sampleKeys(sql, table, wanted))
  let rows = 0

  const next = sample === undefined ? tablePages(sql, table, batch) : keyedPages(sql, table, sample.keys, batch)
  let complete = await eachPage({ next, work: verify }, pace, options, events)
  if (complete && copy !== undefined && against !== undefined && sample === undefined)
    complete = await eachPage({ next: tablePages(against, copy.keys, batch), work: lookUp }, pace, options, events)
  return {
    model: table.model,
    rows,
    complete: complete && !stop.aborted,
    ...(sample !== undefined && { sample: sample.method }),
    unknownFields: Object.fromEntries(unknownFields),
    ...(copy !== undefined && { against: comparison }),
  }

  function patient<T>(work: () => Promise<T>): Promise<T> {
    return patiently({ patience: options.patience, stop, onRetry: events.retried }, work)
  }

  async function verify(page: readonly ReadRow[]): Promise<number> {
    const opened = await openPage(page)
    const searchable = fields.some(({ search }) => search !== undefined)
    const tokenizers: Tokenizers = searchable ? await cipher.tokenizers() : []
    const verdicts = await copy?.compare(opened)
    // Nothing is counted before this: a page that failed on its way is done again.
    opened.forEach((row, i) => {
      for (const problem of problems(row, tokenizers)) findings.add(table, row.read.key, problem)
      noteUnknown(row.opened)
      const verdict = verdicts?.[i]
      if (verdict === undefined) return
      comparison[verdict.kind] += 1
      for (const problem of differences(verdict, row)) findings.add(table, row.read.key, problem)
    })
    rows += page.length
    events.done(page.length)
    return page.length
  }

  async function openPage(page: readonly ReadRow[]): Promise<readonly OpenRow[]> {
    const sealed = page.flatMap(({ row }) => (row instanceof EnvelopeError || row.envelope === undefined ? [] : [row]))
    const opened = new Map<StoredRow, OpenedRow | EnvelopeError>()
    for (let from = 0; from < sealed.length; from += options.openedTogether) {
      const together = sealed.slice(from, from + options.openedTogether)
      const results = await openRows(
        cipher,
        together.map(({ envelope, binding }) => ({ table: table.identity, binding, envelope })),
      )
      together.forEach((row, i) => opened.set(row, results[i] as OpenedRow | EnvelopeError))
    }
    return page.map((read) => ({ read, opened: read.row instanceof EnvelopeError ? undefined : opened.get(read.row) }))
  }

  function problems({ read: { row }, opened }: OpenRow, tokenizers: Tokenizers): readonly Problem[] {
    if (!(row instanceof EnvelopeError)) {
      const found = problemsOf(table, fields, row, opened, tokenizers)
      const isRetired = opened !== undefined && !(opened instanceof EnvelopeError) && options.isRetired(opened.envelope)
      return isRetired ? [...found, KEY_RETIRED] : found
    }
    return [{ code: row.code, reason: `what the row is bound to can't be read: ${row.message}` }]
  }

  function differences(verdict: Verdict, { read, opened: here }: OpenRow): readonly Problem[] {
    if (verdict.kind === 'differing')
      return verdict.fields.map(({ name }) => ({ code: 'DIFFERS', reason: 'the value is another than in the copy', field: name }))
    // That a row does not open here was found already.
    const isOpen = !(read.row instanceof EnvelopeError || here instanceof EnvelopeError)
    return verdict.kind === 'unreadable' && isOpen
      ? [{ code: 'NOT_COMPARED', reason: 'the row can be read here, but not in the copy: it does not open there' }]
      : []
  }

  function noteUnknown(opened: OpenedRow | EnvelopeError | undefined): void {
    if (opened === undefined || opened instanceof EnvelopeError || opened.envelope.fs === table.fieldSet) return
    for (const name of Object.keys(opened.record)) {
      if (!identities.has(name)) unknownFields.set(name, (unknownFields.get(name) ?? 0) + 1)
    }
  }

  /** Looks for the copy's rows here. */
  async function lookUp(page: readonly ReadRow[]): Promise<number> {
    const found = await rowsByKey(
      sql,
      keysOf(table),
      page.map(({ key }) => key),
    )
    comparison.onlyThere += page.length - found.length
    return page.length
  }
}
