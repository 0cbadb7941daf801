export type {
  BoundTag,
  BoundValue,
  Envelope,
  FieldSetId,
  OpenedRow,
  RowCipher,
  RowToOpen,
  RowToSeal,
  SealedRecord,
  Tokenizer,
} from './contract.ts'
export { fieldSetId } from './field-set.ts'
export { type ParsedEnvelope, parseEnvelope } from './format.ts'
export { normalize } from './normalize.ts'
export { createRowCipher, type RowCipherOptions } from './row-cipher.ts'
export { isToken, TOKEN_LENGTH } from './token.ts'
