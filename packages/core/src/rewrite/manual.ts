import type { KeyStats, RowToOpen } from '../envelope/contract.ts'
import { EnvelopeError } from '../errors.ts'
import type { FieldCodec } from '../values/contract.ts'
import { openRows, subjectOf, tellingRefusals } from './cipher-border.ts'
import { isInput } from './input.ts'
import type { EncryptedField, Model, Models, Sealing } from './model.ts'
import {
  decoded,
  hasEnvelope,
  isToken,
  isUnsealed,
  place,
  plaintextFound,
  type Row,
  type RowRecord,
  recordedValue,
  reportForeignWrite,
  rowToOpen,
  UNSEALED,
  valueOf,
} from './opened-row.ts'
import { Rewriting, type Tools } from './rewriting.ts'
import { searchToken, searchTokens } from './search.ts'
import { isErased, markable, marksOf } from './unreadable.ts'

/** `$envelope` of a client: settings for what it does, and the two halves of that for code that must use raw SQL. */
export interface ManualEnvelope {
  /**
   * The same client, with all its extensions, run for somebody: its operations carry `settings` beside those of this client, through batches, interactive
   * transactions and clients that are extended from it. The options `context` and `key` are given them, and so is the audit.
   *
   * @throws EnvelopeError `CONFIG` where `settings` are not strings by name; `UNSUPPORTED` within an interactive transaction.
   */
  <Client>(this: Client, settings: Readonly<Record<string, string>>): Client
  /**
   * The token by which raw SQL finds a value.
   *
   * @param field `Model.field`, both by their Prisma names.
   * @param value what a `where` would hold.
   * @param scope values of the fields that scope the token, by name, where the field has a scope.
   * @throws EnvelopeError `UNSUPPORTED` where the field is not searchable or its scope is not given.
   */
  token(field: string, value: string, scope?: Readonly<Record<string, unknown>>): Promise<string>
  /**
   * All tokens by which raw SQL finds a value, the current one first: {@link token} under each index key of `indexKey.current` and `indexKey.others`. Rows
   * that no envelope seals yet hold the value itself.
   */
  tokens(field: string, value: string, scope?: Readonly<Record<string, unknown>>): Promise<readonly string[]>
  /**
   * Opens rows that raw SQL read. They must hold the envelope, the primary key and the bound columns; keys may be column names or field names.
   * Encrypted columns that are among the keys come back decrypted, the envelope is left out, everything else stays. Rows that do not open are marked or
   * left out as those of a list are, if `onUnreadable` and `onErased` say so.
   *
   * @param model Prisma's name of the model.
   * @throws EnvelopeError `CANNOT_OPEN`, `PLAINTEXT_FOUND`, `FOREIGN_WRITE`, a code of the KMS; `INVALID_VALUE` for a row that lacks what opening it takes.
   */
  reveal(model: string, rows: readonly Readonly<Record<string, unknown>>[]): Promise<Record<string, unknown>[]>
  /**
   * Fetches the keys that the first requests would wait for: the index keys, and those under which each table's rows are sealed, which are made where the key
   * store has none. To be called before a process takes requests.
   *
   * @param options `contexts`: those whose keys are fetched; where it is absent, the keys of rows without a context.
   * @throws EnvelopeError a code of the KMS; what Prisma throws where the key store can't be reached.
   */
  preload(options?: { readonly contexts?: readonly Readonly<Record<string, string>>[] | undefined }): Promise<void>
  /** What the key layer has done since the extension was made: a frozen snapshot of its counters. */
  stats(): KeyStats
  /**
   * Erases the keys of a context, of all tables: its rows can never be read again, wherever copies of them are, and it takes no new ones. It waits until no
   * process holds one of these keys (the age limit of the cache, a minute by default), and removes the tokens of the rows. May be run again, and completes
   * what was interrupted. Keep what it returns outside of the database, for a restore from a backup.
   *
   * @param options `context`: exactly as `context` of the options gave it. `keysLiveFor`: milliseconds for which other processes may hold keys, where their
   *   `cache.maxAge` is another than this one's.
   * @throws EnvelopeError `UNSUPPORTED` while rows of the context carry their key themselves: then nothing was changed. `CONFIG` without a key store.
   */
  erase(options: {
    readonly context: Readonly<Record<string, string>>
    readonly keysLiveFor?: number | undefined
  }): Promise<Erasure>
}

/** What an erasure did. */
export interface Erasure {
  readonly context: Readonly<Record<string, string>>
  /** Stored keys whose wrapped bytes were removed. */
  readonly keys: number
  /** Rows whose tokens were removed, by model. */
  readonly rows: Readonly<Record<string, number>>
}

/** What `$envelope` does by itself. */
type ManualFunctions = Pick<ManualEnvelope, 'token' | 'tokens' | 'reveal'>

/** @param toolsNow those of a call that is made now */
export function manualEnvelope(models: Models, toolsNow: () => Tools): ManualFunctions {
  return {
    async token(path, value, scope = {}) {
      const rewriting = new Rewriting(toolsNow(), '$envelope.token')
      const { model, field } = fieldAt(models, path)
      let found = ''
      searchToken(model, field, value, new Map(Object.entries(scope)), rewriting, (token) => {
        found = token
      })
      await rewriting.settle()
      return found
    },
    async tokens(path, value, scope = {}) {
      const rewriting = new Rewriting(toolsNow(), '$envelope.tokens')
      const { model, field } = fieldAt(models, path)
      let found: readonly string[] = []
      searchTokens(model, field, value, new Map(Object.entries(scope)), rewriting, (all) => {
        found = all
      })
      await rewriting.settle()
      return found
    },
    async reveal(name, rows) {
      const rewriting = new Rewriting(toolsNow(), '$envelope.reveal')
      return tellingRefusals(rewriting, () => revealRows(models, name, rows, rewriting))
    },
  }
}

async function revealRows(
  models: Models,
  name: string,
  rows: readonly Readonly<Record<string, unknown>>[],
  rewriting: Rewriting,
): Promise<Record<string, unknown>[]> {
  const model = models.get(name)
  if (model?.sealing === undefined) throw new EnvelopeError('CONFIG', `${name} is no model with encrypted fields`)
  const { sealing } = model
  const { marks, skipsErased } = rewriting.tools.unreadable
  const named = rows.map((row) => byFieldName(row, model, sealing, rewriting))
  const isToOpen = (row: Row): boolean => !isUnsealed(row, sealing) && (hasEnvelope(row, sealing) || !marks)
  const sealed = named.filter(isToOpen)
  const opened = await openRows(
    sealed.map((row) => asRowToOpen(row, model, sealing, rewriting)),
    (i) => subjectOf(model, sealed[i] ?? {}, fieldsIn(sealed[i] ?? {}, sealing)),
    rewriting,
  )
  let next = 0
  return rows.flatMap((row, i) => {
    const read = named[i] ?? {}
    const result = isUnsealed(read, sealing) ? UNSEALED : isToOpen(read) ? opened[next++] : plaintextFound(read, model, rewriting)
    try {
      if (result === undefined || result instanceof EnvelopeError) {
        throw (result ?? new EnvelopeError('CANNOT_OPEN', 'the row was not opened')).at(place(read, model, rewriting))
      }
      return [withValues(row, model, sealing, (field, held) => revealed(result, field, held, read, model, rewriting))]
    } catch (error) {
      if (skipsErased && isErased(error)) return []
      if (!marks || !markable(error)) throw error
      const markOf = marksOf(error, read, model, rewriting)
      return [withValues(row, model, sealing, ({ name }) => markOf(name))]
    }
  })
}

/** A row as raw SQL gave it, with the values of its encrypted columns and without its envelope. */
function withValues(
  row: Readonly<Record<string, unknown>>,
  model: Model,
  sealing: Sealing,
  valueFor: (field: EncryptedField, held: unknown) => unknown,
): Row {
  const out: Row = { ...row }
  for (const field of sealing.encrypted) {
    for (const key of new Set([field.name, field.column.column])) {
      if (Object.hasOwn(row, key)) out[key] = valueFor(field, row[key])
    }
  }
  const column = model.plan.columns[sealing.field]?.column
  return Object.fromEntries(Object.entries(out).filter(([key]) => key !== sealing.field && key !== column))
}

/** Encrypted fields among the keys of a row. */
function fieldsIn(row: Row, { encrypted }: Sealing): readonly string[] {
  return encrypted.filter(({ name }) => Object.hasOwn(row, name)).map(({ name }) => name)
}

function fieldAt(models: Models, path: string): { model: Model; field: EncryptedField } {
  const [modelName = '', fieldName = ''] = path.split('.')
  const model = models.get(modelName)
  const field = model?.sealing?.byName.get(fieldName)
  if (model === undefined || field === undefined)
    throw new EnvelopeError('CONFIG', `${path} is no encrypted field; write it as Model.field`)
  return { model, field }
}

function revealed(
  opened: RowRecord,
  field: EncryptedField,
  held: unknown,
  row: Row,
  model: Model,
  rewriting: Rewriting,
): unknown {
  const value = recordedValue(opened.record, field)
  // What raw SQL returns is no input of `valueOf`, but for the fields that the record lacks or holds as null.
  if (value === undefined || value === null) return valueOf(opened, field, held, row, model, rewriting)
  if (field.mode !== 'strict' && !isRawStandIn(field, held)) {
    reportForeignWrite(row, model, field, rewriting)
    return held
  }
  return decoded(value, field, row, model, rewriting)
}

/** Whether raw SQL returned what stands in place of a value: a driver may give numbers and dates as text, and enums by their names in the database. */
function isRawStandIn({ codec, column, search }: EncryptedField, held: unknown): boolean {
  if (search !== undefined) return isToken(held)
  const { placeholder } = codec
  if (codec.isPlaceholder(held) || column.values?.[String(placeholder)] === held) return true
  if (typeof held === 'object' && held !== null && !(held instanceof Uint8Array)) return sameAsPlaceholder(codec, held)
  return String(held) === String(placeholder) || sameAsPlaceholder(codec, held)
}

function sameAsPlaceholder(codec: FieldCodec, held: unknown): boolean {
  try {
    return codec.isPlaceholder(codec.decode(codec.encode(held)))
  } catch {
    return false
  }
}

/** {@link rowToOpen} of a row that may be another table's. */
function asRowToOpen(row: Row, model: Model, sealing: Sealing, rewriting: Rewriting): RowToOpen {
  try {
    return rowToOpen(row, model, sealing, rewriting)
  } catch (error) {
    throw error instanceof EnvelopeError ? error.at(place(row, model, rewriting)) : error
  }
}

/** A row of raw SQL as Prisma would have returned it, as far as opening needs it. */
function byFieldName(row: Readonly<Record<string, unknown>>, model: Model, sealing: Sealing, rewriting: Rewriting): Row {
  if (!isInput(row))
    throw new EnvelopeError('INVALID_VALUE', 'a row to reveal must be an object', {
      model: model.name,
      operation: rewriting.operation,
    })
  const out: Row = { ...row }
  for (const [name, { column }] of Object.entries(model.plan.columns)) {
    if (!Object.hasOwn(row, name) && Object.hasOwn(row, column)) out[name] = row[column]
  }
  for (const name of [sealing.field, ...sealing.boundNames]) {
    if (out[name] === undefined)
      throw rewriting.error('INVALID_VALUE', 'the row lacks this column, which opening it takes: select it too', model, name)
  }
  for (const { name, column } of sealing.bound) {
    // Raw SQL knows an enum's values by their names in the database.
    const known = Object.entries(column.values ?? {}).find(([, stored]) => stored === out[name])
    if (known !== undefined) out[name] = known[0]
  }
  return out
}
