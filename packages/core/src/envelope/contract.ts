import type { EnvelopeError } from '../errors.ts'
import type { KeySource } from '../keys/contract.ts'
import type { EncryptionContext } from '../keys/key-provider.ts'
import type { Json, SearchPlan } from '../plan.ts'

export type { KeyStats } from '../keys/key-stats.ts'

/** The column value of `@envelope`. `docs/format.md` is normative. */
export interface Envelope {
  readonly v: 1
  readonly kid: string
  readonly fs: string
  readonly ctx?: Readonly<Record<string, string>>
  readonly wk?: string | readonly (readonly [kid: string, wrapped: string])[]
  readonly bk?: string
  readonly dek?: string
  readonly ct: string
}

/** Type tag of a bound value: `s`tring, `i`nteger, `b`oolean, `u`uid, `t`imestamp, `d`ate, `e`num. */
export type BoundTag = 's' | 'i' | 'b' | 'u' | 't' | 'd' | 'e'

/** One bound column of a row in its canonical form, as PostgreSQL would return it. */
export interface BoundValue {
  readonly column: string
  readonly tag: BoundTag
  readonly value: string | null
}

/** A row's encrypted fields by identity, in the record encoding. */
export type SealedRecord = Readonly<Record<string, Json>>

export interface RowToSeal {
  /** Table identity. */
  readonly table: string
  /** In the plan's order. */
  readonly binding: readonly BoundValue[]
  readonly record: SealedRecord
  /** Encryption context beside the table's; stands in the envelope, and in the KMS's log, in the clear: never PII. The cipher's own where it is absent. */
  readonly ctx?: EncryptionContext | undefined
  /** Name in the keyring of the KMS key; the keyring's current one where it is absent. */
  readonly kid?: string | undefined
}

export interface RowToOpen {
  readonly table: string
  readonly binding: readonly BoundValue[]
  /** The column as it was read: anything that a hostile database may hold. */
  readonly envelope: unknown
}

export interface OpenedRow {
  readonly record: SealedRecord
  readonly envelope: Envelope
}

/** Computes tokens once the index key is at hand. */
export interface Tokenizer {
  /**
   * `~<index key id>.<base64url(HMAC)>` of a value that is not null; scope values in the plan's order.
   */
  token(search: SearchPlan, value: string, scope: readonly BoundValue[]): string
  /** The form of a value that enters its token. */
  normalized(search: SearchPlan, value: string): string
}

/** The key that a row was opened or sealed under, or was to be. */
export interface KeyNote {
  /** Name in the keyring of the KMS key; `undefined` where it is not known. */
  readonly keyName: string | undefined
  /** The row's own part of the encryption context. */
  readonly context: EncryptionContext | undefined
  readonly cache: KeySource | undefined
}

/** What `rewrite/` knows of cryptography. */
export interface RowCipher {
  /**
   * Each row under a fresh DEK; results in the order of `rows`. Throws the key layer's errors.
   *
   * @param notes where each row's key is noted, in the place that the row has in `rows`.
   */
  seal(rows: readonly RowToSeal[], notes?: KeyNote[]): Promise<readonly Envelope[]>
  /** Results in the order of `rows`; a row that does not open has its error in its place. `notes` as of {@link RowCipher.seal}. */
  open(rows: readonly RowToOpen[], notes?: KeyNote[]): Promise<readonly (OpenedRow | EnvelopeError)[]>
  tokenizer(): Promise<Tokenizer>
  /** How many tokens a value may be found by: one for each index key. */
  readonly tokensOfValue: number
  /** One for each index key, the current one first. */
  tokenizers(): Promise<readonly Tokenizer[]>
}

/** Field-set id of a record with exactly these identities. */
export type FieldSetId = (identities: readonly string[]) => string
