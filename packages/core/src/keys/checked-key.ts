import { EnvelopeError } from '../errors.ts'
import { rowContext, sameContext } from './context.ts'
import type { EncryptionContext } from './key-provider.ts'
import { contextDigest, type StoredKey } from './key-store.ts'

/** A stored key whose shape was checked, and that is not erased. Its wrapped bytes are the KMS's to judge. */
export interface LiveKey extends StoredKey {
  readonly wrapped: string
  /** The KMS encryption context that it opens under. */
  readonly kmsContext: EncryptionContext
}

const ID = /^[A-Za-z0-9._-]{1,64}$/
const KID = /^[A-Za-z0-9._-]{1,32}$/
const MAX_WRAPPED_CHARACTERS = 8192
/** PostgreSQL's `integer`. */
export const MAX_GENERATION: number = 2 ** 31 - 1

/**
 * What a store returned for a key that must serve `context`. Anything may stand there: whoever can write to the database can write to the key store.
 *
 * @param context the KMS encryption context of the rows that the key is wanted for.
 * @throws `CANNOT_OPEN` for a malformed row, `CONTEXT_MISMATCH` for one of another table or context, `ERASED`.
 */
export function liveKey(row: StoredKey, context: EncryptionContext): LiveKey {
  const kmsContext = contextOf(row)
  if (!sameContext(kmsContext, context)) {
    throw new EnvelopeError(
      'CONTEXT_MISMATCH',
      `the key store's key ${row.id} serves another table or context than this row's; the row, or the key store, was altered`,
    )
  }
  if (row.erasedAt !== null || row.wrapped === null) throw erased()
  return { ...row, wrapped: row.wrapped, kmsContext }
}

export function erased(): EnvelopeError {
  return new EnvelopeError(
    'ERASED',
    'the keys of this context were erased on purpose: its rows can never be read again, and it takes no new ones',
  )
}

/** Contexts of rows that were checked: the shape of a key that stays in memory is checked once. */
const checked = new WeakMap<StoredKey, EncryptionContext>()

function contextOf(row: StoredKey): EncryptionContext {
  let context = checked.get(row)
  if (context === undefined) {
    context = checkedContext(row)
    checked.set(row, context)
  }
  return context
}

function checkedContext(row: StoredKey): EncryptionContext {
  const { id, kid, table, context, contextDigest: digest, generation, wrapped, createdAt, erasedAt } = row
  if (typeof id !== 'string' || !ID.test(id)) throw malformed('a key', 'id')
  const subject = `the key ${id}`
  if (typeof kid !== 'string' || !KID.test(kid)) throw malformed(subject, 'kid')
  if (typeof table !== 'string') throw malformed(subject, 'table')
  if (!Number.isInteger(generation) || generation < 0 || generation > MAX_GENERATION) throw malformed(subject, 'generation')
  if (!isDate(createdAt)) throw malformed(subject, 'createdAt')
  if (erasedAt !== null && !isDate(erasedAt)) throw malformed(subject, 'erasedAt')
  if (wrapped !== null && !isBase64(wrapped)) throw malformed(subject, 'wrapped')
  try {
    if (typeof context === 'object' && context !== null && !Array.isArray(context) && contextDigest(context) === digest) {
      return rowContext(table, context)
    }
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error
  }
  throw malformed(subject, 'context or contextDigest')
}

function isDate(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object Date]' && !Number.isNaN(Number(value))
}

/** Node's decoder skips what it does not know. */
function isBase64(text: string): boolean {
  if (typeof text !== 'string' || text.length === 0 || text.length > MAX_WRAPPED_CHARACTERS) return false
  return Buffer.from(text, 'base64').toString('base64') === text
}

function malformed(subject: string, field: string): EnvelopeError {
  return new EnvelopeError(
    'CANNOT_OPEN',
    `${subject} of the key store is malformed in ${field}: it was altered. Restore the key store's row from a backup`,
  )
}
