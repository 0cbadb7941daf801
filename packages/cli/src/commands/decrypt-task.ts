import { type Envelope, EnvelopeError, fieldSetId, type Json, type OpenedRow, type RowCipher } from 'prisma-envelope/rows'
import type { Outcome, Task } from '../batches/task.ts'
import type { TextRow } from '../database/connection.ts'
import { literal } from '../database/sql-text.ts'
import { recorded, sourceOf } from '../rows/field-values.ts'
import { type CipherOf, openRows, type RowToSealAnew, sealAndReopen } from '../rows/reopened.ts'
import { printed, type StoredRow } from '../rows/stored-row.ts'
import { type Field, looksLikeToken, type Table } from '../rows/table.ts'

type Refused = Outcome & { readonly kind: 'refused' }

/** What becomes of a row: the columns that get a value, and what stays in its envelope. */
interface Undone {
  readonly values: ReadonlyMap<Field, Json>
  readonly rest: Readonly<Record<string, Json>>
  /** Extra encryption context of the row. */
  readonly context: Envelope['ctx']
}

/**
 * Moves values out of envelopes into their columns. What a column holds that is neither placeholder nor token is newer, and stays. An envelope that
 * holds more than the fields to move, be they ones that the plan does not know, is sealed anew with the rest.
 */
export function decryptTask(table: Table, names: ReadonlySet<string>): Task {
  const fields = table.fields.filter(({ name }) => names.has(name))
  const moved = new Set(fields.map(({ identity }) => identity))
  const others = table.fields.filter(({ name }) => !names.has(name))
  /** Field sets that are known to hold none of `fields`. */
  const complete = new Set(others.length === 0 ? [] : [fieldSetId(others.map(({ identity }) => identity))])

  return {
    table,
    where: unfinished,
    // No column gets NULL, as none gets a value that was null.
    assignments: [
      `${table.envelope} = v.p0`,
      ...fields.map(({ sql, type }, i) => `${sql} = coalesce(v.p${i + 1}::${type}, t.${sql})`),
    ],
    returning: [`t.${table.envelope} IS NOT DISTINCT FROM v.p0`, ...fields.map((field) => printed(field))],
    types: ['jsonb'],
    parameters: 1 + fields.length,
    change,
  }

  function unfinished(): string {
    const sealed = `t.${table.envelope} IS NOT NULL`
    const known = [...complete].map(literal).join(', ')
    const envelopes =
      known === ''
        ? sealed
        : `${sealed} AND (t.${table.envelope} ->> 'fs' IS NULL OR t.${table.envelope} ->> 'fs' NOT IN (${known}))`
    const lost = fields
      .filter(({ search }) => search !== undefined)
      .map((field) => `(t.${table.envelope} IS NULL AND ${looksLikeToken(field)})`)
    return [`(${envelopes})`, ...lost].join(' OR ')
  }

  async function change(rows: readonly StoredRow[], cipher: RowCipher, cipherOf: CipherOf): Promise<readonly Outcome[]> {
    const sealed = rows.filter(({ envelope }) => envelope !== undefined)
    const toOpen = sealed.map(({ binding, envelope }) => ({ table: table.identity, binding, envelope }))
    const opened = new Map((await openRows(cipher, toOpen)).map((result, i) => [sealed[i] as StoredRow, result]))
    const undone = rows.map((row) => {
      const before = opened.get(row)
      if (before instanceof EnvelopeError) return { kind: 'refused', code: before.code, reason: before.message } as const
      return undo(row, before)
    })
    const keeping = undone.flatMap((outcome, at) =>
      outcome !== undefined && 'rest' in outcome && Object.keys(outcome.rest).length > 0
        ? [{ at, row: sealedAnew(rows[at] as StoredRow, outcome) }]
        : [],
    )
    const envelopes = await sealAndReopen(
      cipherOf,
      keeping.map(({ row }) => row),
    )
    const kept = new Map(keeping.map(({ at }, i) => [at, envelopes[i]]))
    for (const { envelope } of envelopes) complete.add(envelope.fs)
    return undone.map((outcome, at): Outcome => {
      if (outcome === undefined) return { kind: 'nothing' }
      if ('kind' in outcome) return outcome
      const envelope = kept.get(at)
      return {
        kind: 'write',
        parameters: [envelope === undefined ? null : envelope.text, ...fields.map((field) => printedValue(field, outcome))],
        accepts: (texts) => holdsAll(outcome, texts),
      }
    })
  }

  function undo(row: StoredRow, before: OpenedRow | undefined): Undone | Refused | undefined {
    const values = new Map<Field, Json>()
    for (const field of fields) {
      const text = row.columns[table.fields.indexOf(field)] ?? null
      const held = before === undefined ? undefined : recorded(before.record, field)
      const source = sourceOf(field, text, held)
      if (source === 'lost')
        return {
          kind: 'refused',
          code: 'FOREIGN_WRITE',
          reason: 'the column holds a token that no envelope of the row has a value for',
          field: field.name,
        }
      if (source !== 'record' || text === null || held === undefined) continue
      try {
        field.text.print(held)
      } catch (error) {
        if (!(error instanceof EnvelopeError)) throw error
        return { kind: 'refused', code: error.code, reason: error.message, field: field.name }
      }
      values.set(field, held)
    }
    if (before === undefined) return undefined
    const { record, envelope } = before
    const entries = Object.entries(record)
    const rest = entries.filter(([identity]) => !moved.has(identity))
    if (rest.length === entries.length && rest.length > 0) {
      complete.add(envelope.fs)
      return undefined
    }
    // No prototype, so that `__proto__` is a name like others.
    return { values, rest: Object.assign(Object.create(null), Object.fromEntries(rest)), context: envelope.ctx }
  }

  function sealedAnew({ binding }: StoredRow, { rest, context }: Undone): RowToSealAnew {
    return { table: table.identity, binding, record: rest, context }
  }

  function printedValue(field: Field, { values }: Undone): string | null {
    const value = values.get(field)
    return value === undefined ? null : field.text.print(value)
  }

  /** Whether what the columns hold now reads as what the envelope held. */
  function holdsAll({ values }: Undone, [isCleared, ...texts]: TextRow): boolean {
    return (
      isCleared === 't' && fields.every((field, i) => !values.has(field) || reads(field, texts[i] ?? null, values.get(field)))
    )
  }
}

function reads(field: Field, text: string | null, value: Json | undefined): boolean {
  if (text === null) return false
  try {
    return JSON.stringify(field.text.parse(text, true)) === JSON.stringify(value)
  } catch (error) {
    if (error instanceof EnvelopeError) return false
    throw error
  }
}
