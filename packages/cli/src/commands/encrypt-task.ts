import {
  EnvelopeError,
  fieldSetId,
  type Json,
  type OpenedRow,
  type RowCipher,
  type RowToSeal,
  type Tokenizer,
} from 'prisma-envelope/rows'
import type { Outcome, Task } from '../batches/task.ts'
import type { TextRow } from '../database/connection.ts'
import { literal } from '../database/sql-text.ts'
import { isTokenText, recorded, sourceOf, tokenOf } from '../rows/field-values.ts'
import type { Placement } from '../rows/placement.ts'
import { type CipherOf, openRows, type RowToSealAnew, type SealedRow, sealAndReopen } from '../rows/reopened.ts'
import type { StoredRow } from '../rows/stored-row.ts'
import { type Field, looksSealed, type Table } from '../rows/table.ts'
import { foreseenCollisions } from './foreseen-collisions.ts'

export interface EncryptOptions {
  /** Names of the fields to move. */
  readonly fields: ReadonlySet<string>
  /** Opens sealed rows too, to find NULLs that something without the extension wrote. */
  readonly thorough: boolean
  /** Takes values as Prisma Client reads them, where the column holds more digits. */
  readonly lossy: boolean
  readonly dryRun: boolean
  readonly placement: Placement
}

/** A row that is to be sealed, by its place in the batch. */
interface Sealing {
  readonly at: number
  readonly row: RowToSealAnew
}

/** Moves plaintext into envelopes; what something without the extension wrote into a sealed row is taken as newer. */
export function encryptTask(table: Table, { fields: names, thorough, lossy, dryRun, placement }: EncryptOptions): Task {
  const fields = table.fields.filter(({ name }) => names.has(name))
  const searchable = fields.filter(({ search }) => search !== undefined)
  /** Field sets that are known to hold all of `fields`. */
  const complete = new Set([table.fieldSet, fieldSetId(fields.map(({ identity }) => identity))])

  return {
    table,
    where: () => (thorough ? 'true' : unfinished()),
    assignments: [
      `${table.envelope} = v.p0`,
      ...fields.map((field) =>
        field.search === undefined
          ? `${field.sql} = CASE WHEN t.${field.sql} IS NULL THEN NULL ELSE ${literal(field.placeholder)}::${field.type} END`
          : `${field.sql} = v.p${1 + searchable.indexOf(field)}::${field.type}`,
      ),
    ],
    returning: [
      [
        `t.${table.envelope} = v.p0`,
        ...fields.map((field) =>
          field.search === undefined
            ? `(t.${field.sql} IS NULL OR ${looksSealed(field)})`
            : `t.${field.sql} IS NOT DISTINCT FROM v.p${1 + searchable.indexOf(field)}::${field.type}`,
        ),
      ].join(' AND '),
    ],
    types: ['jsonb'],
    parameters: 1 + searchable.length,
    ...(dryRun && { foresight: foreseenCollisions(table, searchable) }),
    change,
  }

  function unfinished(): string {
    const sets = [...complete].map(literal).join(', ')
    const plaintext = fields.map((field) => `(t.${field.sql} IS NOT NULL AND NOT (${looksSealed(field)}))`)
    return [`t.${table.envelope} IS NULL`, `(t.${table.envelope} ->> 'fs' IN (${sets})) IS NOT TRUE`, ...plaintext].join(' OR ')
  }

  async function change(rows: readonly StoredRow[], cipher: RowCipher, cipherOf: CipherOf): Promise<readonly Outcome[]> {
    const sealed = rows.filter(({ envelope }) => envelope !== undefined)
    const toOpen = sealed.map(({ binding, envelope }) => ({ table: table.identity, binding, envelope }))
    const opened = new Map((await openRows(cipher, toOpen)).map((result, i) => [sealed[i] as StoredRow, result]))
    const tokenizer = searchable.length === 0 ? undefined : await cipher.tokenizer()
    const sealings: Sealing[] = []
    const outcomes = rows.map((row, at): Outcome | undefined => {
      const before = opened.get(row)
      if (before instanceof EnvelopeError) return { kind: 'refused', code: before.code, reason: before.message }
      const merged = mergedRecord(row, before, tokenizer)
      if (merged === undefined) return { kind: 'nothing' }
      if ('kind' in merged) return merged
      const { record } = merged
      const context = before === undefined ? placement.contextOf(table, row) : before.envelope.ctx
      const kid = placement.keyOf(table, row)
      sealings.push({ at, row: { table: table.identity, binding: row.binding, record, context, kid } })
      return undefined
    })
    const envelopes = await sealAndReopen(
      cipherOf,
      sealings.map(({ row }) => row),
    )
    sealings.forEach(({ at, row }, i) => {
      outcomes[at] = {
        kind: 'write',
        parameters: [
          (envelopes[i] as SealedRow).text,
          ...searchable.map((field) => heldBy(field, row, rows[at] as StoredRow, tokenizer)),
        ],
        accepts: isTrue,
      }
    })
    return outcomes as readonly Outcome[]
  }

  /** What a searchable column is to hold: NULL, the token, or the token under another index key that it holds already. */
  function heldBy(field: Field, { record, binding }: RowToSeal, row: StoredRow, tokenizer: Tokenizer | undefined): string | null {
    const value = record[field.identity]
    if (typeof value !== 'string' || tokenizer === undefined) return null
    const held = row.columns[table.fields.indexOf(field)] ?? null
    const wasSealed = row.envelope !== undefined && held !== null && isTokenText(field, held)
    return wasSealed ? held : tokenOf(table, field, value, binding, tokenizer)
  }

  /** The row's record with the plaintext of its columns in it; undefined where there is none. */
  function mergedRecord(
    row: StoredRow,
    before: OpenedRow | undefined,
    tokenizer: Tokenizer | undefined,
  ): { readonly record: Readonly<Record<string, Json>> } | (Outcome & { kind: 'refused' }) | undefined {
    // No prototype, so that `__proto__` is a name like others.
    const record: Record<string, Json> = Object.assign(Object.create(null), before?.record)
    let changed = before === undefined
    for (const field of fields) {
      const text = row.columns[table.fields.indexOf(field)] ?? null
      const held = before === undefined ? undefined : recorded(before.record, field)
      const source = sourceOf(field, text, held)
      if (source === 'lost') return foreignWrite(field, 'the column holds a token that no envelope of the row has a value for')
      if (source === 'record') {
        if (!isOwnToken(field, text, held, row, tokenizer))
          return foreignWrite(field, 'the column holds the token of another value')
        continue
      }
      try {
        record[field.identity] = text === null ? (field.plan.list === true ? [] : null) : field.text.parse(text, lossy)
      } catch (error) {
        if (!(error instanceof EnvelopeError)) throw error
        return { kind: 'refused', code: error.code, reason: error.message, field: field.name }
      }
      changed = true
    }
    const { envelope } = before ?? {}
    if (envelope !== undefined && !changed) complete.add(envelope.fs)
    return changed ? { record } : undefined
  }

  /** Whether a token under the current index key is that of the value which the envelope holds. */
  function isOwnToken(
    field: Field,
    text: string | null,
    held: Json | undefined,
    row: StoredRow,
    tokenizer: Tokenizer | undefined,
  ): boolean {
    if (text === null || typeof held !== 'string' || field.search === undefined || tokenizer === undefined) return true
    const token = tokenOf(table, field, held, row.binding, tokenizer)
    return text.slice(0, 6) !== token.slice(0, 6) || text.trimEnd() === token
  }
}

function foreignWrite(field: Field, reason: string): Outcome & { kind: 'refused' } {
  return { kind: 'refused', code: 'FOREIGN_WRITE', reason, field: field.name }
}

function isTrue([text]: TextRow): boolean {
  return text === 't'
}
