import type { EnvelopeError } from '../errors.ts'
import type { EncryptionContext } from './key-provider.ts'

/** Whether a key was in memory, was unwrapped by a KMS for this operation, or was made by one for it. */
export type KeySource = 'hit' | 'miss' | 'generated'

/** Key bytes on loan. Whoever holds one releases it exactly once; bytes are zeroed when nobody holds them and the cache has let go. */
export interface KeyHandle {
  /** 32 bytes. Must not be read after `release`. */
  readonly bytes: Uint8Array
  /** Row DEKs that a branch key unwrapped before; none where they are not kept. */
  readonly rowKeys?: RowKeys | undefined
  /** Where it comes from, if not from memory. */
  readonly source?: KeySource | undefined
  /** Name of the KMS key that wraps it: of a key of the key store, only the store says. */
  readonly kid?: string | undefined
  release(): void
}

/** Row DEKs that a branch key unwrapped, kept for as long as that key is in the cache. */
export interface RowKeys {
  /** How many are kept, those of other branch keys included: an operation of more rows had better not begin. */
  readonly capacity: number
  /** What was unwrapped from this text. Must be read before anything else is asked of the key layer, which may zero it. */
  find(wrapped: string): Uint8Array | undefined
  /** Keeps a copy of what this branch key unwrapped from this text. */
  keep(wrapped: string, key: Uint8Array): void
}

/** A key under which `rows` new rows are sealed. */
export interface SealingKey {
  /** `branch`: wraps a fresh DEK per row. `direct`: IS the DEK of one row (`rows` is 1). */
  readonly mode: 'branch' | 'direct'
  readonly kid: string
  /** The wrapped key in base64, as it stands in the envelope. */
  readonly wrapped: string
  /** Id of a branch key in the key store, which the envelope names instead of holding `wrapped`. */
  readonly stored?: string | undefined
  readonly key: KeyHandle
  readonly rows: number
  /** Where it comes from, if not from memory. */
  readonly source?: KeySource | undefined
}

/** What rows must have in common to be sealed under one key. */
export interface SealingScope {
  /** Of the KMS: {@link rowContext} of the table and of what the user adds. */
  readonly context: EncryptionContext
  /** Name in the keyring of the KMS key that wraps; the keyring's current one where it is absent. */
  readonly kid?: string | undefined
}

export interface KeyToUnwrap {
  readonly kid: string
  /** Base64, as in the envelope. */
  readonly wrapped: string
  readonly context: EncryptionContext
  /** Id of a branch key in the key store: the store then says what `kid` and `wrapped` are, which stay empty. */
  readonly stored?: string | undefined
}

export interface IndexKey {
  /** 4 characters of base64url, derived from the key itself; part of every token. */
  readonly id: string
  readonly key: KeyHandle
}

/** What the envelope layer asks of the key layer. */
export interface Keys {
  /** Enough keys for `rows` new rows, in order. Errors are `EnvelopeError`s of the KMS codes. */
  forSealing(scope: SealingScope, rows: number): Promise<readonly SealingKey[]>
  /** The same without waiting, where the keys in use have rows enough left. */
  readyForSealing(scope: SealingScope, rows: number): readonly SealingKey[] | undefined
  /**
   * Unwraps side by side (bounded); the distinct ones cost one KMS call each at most. A result stands in its request's place;
   * a failure is returned, not thrown, so that one bad row does not hide which row it was.
   */
  forOpening(requests: readonly KeyToUnwrap[]): Promise<readonly (KeyHandle | EnvelopeError)[]>
  /** A key that needs no waiting, counted like any use of it; most reads find all they need this way. */
  cached(request: KeyToUnwrap): KeyHandle | undefined
  /** The current index key, unwrapped at first use. */
  indexKey(): Promise<IndexKey>
  /** The same without waiting, once it was used. */
  readyIndexKey(): IndexKey | undefined
  /** How many index keys tokens may stand under: the current one and the others. */
  readonly indexKeyCount: number
  /** All of them, the current one first, each unwrapped at first use. */
  indexKeys(): Promise<readonly IndexKey[]>
  /** The same without waiting, once they were used. */
  readyIndexKeys(): readonly IndexKey[] | undefined
}
