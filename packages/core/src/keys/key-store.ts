import { createHash } from 'node:crypto'
import { encodeContext } from './context.ts'
import type { EncryptionContext } from './key-provider.ts'

/** A branch key as the key store holds it: a row of the model marked `@envelopeKeys`. */
export interface StoredKey {
  /** What envelopes name it by (`bk`): 16 random bytes in base64url. */
  readonly id: string
  /** Name of the KMS key in the keyring that wraps it now; rewrapping it changes this, but no envelope. */
  readonly kid: string
  /** Identity of the one table that it serves. */
  readonly table: string
  /** The one user context that it serves; `{}` for none. */
  readonly context: EncryptionContext
  /** {@link contextDigest} of `context`. */
  readonly contextDigest: string
  /** Counts the keys of one `kid`, `table` and `contextDigest`; the highest is the active one. */
  readonly generation: number
  /** Base64, wrapped by the KMS under `rowContext(table, context)`; null once the key is erased. */
  readonly wrapped: string | null
  readonly createdAt: Date
  readonly erasedAt: Date | null
}

/** What decides whether, and under which key, new rows of a table and context are sealed. */
export interface NewestKey {
  /** The one of the highest generation; not asked for where `erased`. */
  readonly key?: StoredKey | undefined
  /** Whether any key of this context is erased, of whatever table or KMS key: such a context takes no new rows. */
  readonly erased: boolean
}

/** The part of a key store that a transaction of the caller's may use. */
export interface KeyStoreReader {
  /** In any order; ids that the store does not know are left out. */
  load(ids: readonly string[]): Promise<readonly StoredKey[]>
  newest(kid: string, table: string, contextDigest: string): Promise<NewestKey>
}

/**
 * Where wrapped branch keys are kept. What it throws reaches the caller as it is, so that an outage of the database looks as it does elsewhere.
 *
 * The key layer believes none of what it returns: a KMS opens a wrapped key only under the table and context that it was made for.
 */
export interface KeyStore extends KeyStoreReader {
  /**
   * Inserts a key and commits it. Envelopes that name it are written afterwards, so that whoever sees one of them finds the key.
   *
   * @returns false where another process was first with this `kid`, `table`, `contextDigest` and `generation`; that must be no error of the database, which
   *   would end a transaction.
   */
  insert(key: StoredKey): Promise<boolean>
}

/** Base64url of the SHA-256 of a user context in its canonical encoding: stands for it in unique indexes. */
export function contextDigest(context: EncryptionContext): string {
  return createHash('sha256').update(encodeContext(context)).digest('base64url')
}
