/** For tools that read and write rows without Prisma Client, such as the CLI: the parts that the extension itself is made of. */
export type {
  BoundValue,
  Envelope,
  OpenedRow,
  RowCipher,
  RowToOpen,
  RowToSeal,
  SealedRecord,
  Tokenizer,
} from './envelope/contract.ts'
export { createRowCipher, fieldSetId, isToken, parseEnvelope } from './envelope/index.ts'
export { ERASED_TOKEN_ID, type ErasureOptions, type ErasureSql, eraseContext, keysLiveFor } from './erasure.ts'
export { EnvelopeError, type EnvelopeErrorCode } from './errors.ts'
export {
  createKeyring,
  createKeys,
  type EncryptionContext,
  type KeyProvider,
  type Keyring,
  type KeyService,
  type KeysOptions,
  type KmsOptions,
  rowContext,
} from './keys/index.ts'
export { contextDigest, type KeyStore, type KeyStoreReader, type NewestKey, type StoredKey } from './keys/key-store.ts'
export { createKeysAhead, type KeysAhead, KeysNeeded } from './keys/keys-ahead.ts'
export type { ColumnPlan, EncryptionPlan, Json, KeyStorePlan, ModelPlan, ModelsPlan, SearchPlan } from './plan.ts'
export type { Erasure } from './rewrite/manual.ts'
export { anyContext, rowIdentity } from './rewrite/row-context.ts'
export { type ContextOf, type KeyOf, rowPolicy } from './row-policy.ts'
export { arrayLiteral, bindValue, type ColumnText, compileColumnText } from './values/index.ts'
