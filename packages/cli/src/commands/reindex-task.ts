import { EnvelopeError, type Json, type OpenedRow, type RowCipher, type Tokenizer } from 'prisma-envelope/rows'
import type { Once, Outcome, Task } from '../batches/task.ts'
import { literal } from '../database/sql-text.ts'
import { isSealedText, isTokenText, recorded, tokenOf } from '../rows/field-values.ts'
import { openRows } from '../rows/reopened.ts'
import type { StoredRow } from '../rows/stored-row.ts'
import { type Field, looksLikeToken, looksSealed, mayHoldToken, type Table } from '../rows/table.ts'

export interface ReindexOptions {
  /** Names of fields that may hold tokens. */
  readonly fields: ReadonlySet<string>
  /** Of the current index key, as it stands in tokens; undefined where no field is searchable. */
  readonly indexKeyId: string | undefined
  /** Recomputes all tokens, for rules that have changed; else those under other index keys. */
  readonly once: Once | undefined
}

/** The index key that made a token. */
const KEY_ID = { from: 2, length: 4 }

/** Recomputes tokens from what is sealed, also where a field has begun or ceased to be searchable. Envelopes stay as they are. */
export function reindexTask(table: Table, { fields: names, indexKeyId, once }: ReindexOptions): Task {
  const fields = table.fields.filter((field) => mayHoldToken(field) && names.has(field.name))
  return {
    table,
    where: () => {
      const sealed = `t.${table.envelope} IS NOT NULL`
      return once === undefined ? `${sealed} AND (${fields.map(isOld).join(' OR ')})` : sealed
    },
    assignments: fields.map((field, i) => `${field.sql} = v.p${i}::${field.type}`),
    returning: [fields.map((field, i) => `t.${field.sql} IS NOT DISTINCT FROM v.p${i}::${field.type}`).join(' AND ')],
    parameters: fields.length,
    change,
    ...(once !== undefined && { once }),
  }

  /** Placeholders of fields that are searchable now have no key id. */
  function isOld(field: Field): string {
    if (field.search === undefined || indexKeyId === undefined) return looksLikeToken(field)
    const keyId = `substr(t.${field.sql}::text, ${KEY_ID.from}, ${KEY_ID.length})`
    return `(${looksSealed(field)} AND ${keyId} <> ${literal(indexKeyId)})`
  }

  async function change(rows: readonly StoredRow[], cipher: RowCipher): Promise<readonly Outcome[]> {
    const opened = await openRows(
      cipher,
      rows.map(({ binding, envelope }) => ({ table: table.identity, binding, envelope })),
    )
    const tokenizers = indexKeyId === undefined ? [] : await cipher.tokenizers()
    return rows.map((row, i): Outcome => {
      const result = opened[i]
      if (result === undefined) throw new Error('a row was neither opened nor refused')
      if (result instanceof EnvelopeError) return { kind: 'refused', code: result.code, reason: result.message }
      return reindexed(row, result, tokenizers)
    })
  }

  function reindexed(row: StoredRow, { record }: OpenedRow, tokenizers: readonly Tokenizer[]): Outcome {
    const held = fields.map((field) => row.columns[table.fields.indexOf(field)] ?? null)
    const parameters: (string | null)[] = []
    for (const [i, field] of fields.entries()) {
      const text = held[i] ?? null
      const written = columnOf(field, text, recorded(record, field), row, tokenizers)
      if (typeof written === 'object' && written !== null) return written
      parameters.push(written)
    }
    return parameters.every((text, i) => text === held[i])
      ? { kind: 'nothing' }
      : { kind: 'write', parameters, accepts: ([same]) => same === 't' }
  }

  /** What a column is to hold. NULLs and plaintext that something without the extension wrote are newer than the token of what is sealed, and stay. */
  function columnOf(
    field: Field,
    text: string | null,
    value: Json | undefined,
    row: StoredRow,
    tokenizers: readonly Tokenizer[],
  ): string | null | (Outcome & { kind: 'refused' }) {
    if (text === null || !isSealedText(field, text)) return text
    if (field.search === undefined) return isTokenText(field, text) ? field.placeholder : text
    if (typeof value !== 'string') return contradiction(field, 'the column holds a token where the envelope holds no value')
    const [token = '', ...others] = tokenizers.map((tokenizer) => tokenOf(table, field, value, row.binding, tokenizer))
    if (!isTokenText(field, text)) return token
    const held = text.trimEnd()
    if (held === token) return text
    const isOfKnownKey = [token, ...others].some((other) => keyIdOf(other) === keyIdOf(held))
    if (once === undefined && isOfKnownKey && !others.includes(held))
      return contradiction(
        field,
        'the column holds the token of another value than the envelope; --all takes the sealed one, as after a change of normalize, scope or index',
      )
    return token
  }
}

function keyIdOf(token: string): string {
  return token.slice(KEY_ID.from - 1, KEY_ID.from - 1 + KEY_ID.length)
}

function contradiction(field: Field, reason: string): Outcome & { kind: 'refused' } {
  return { kind: 'refused', code: 'FOREIGN_WRITE', reason, field: field.name }
}
