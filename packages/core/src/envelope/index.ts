export type { RowToSeal } from './contract.ts'
export { fieldSetId } from './field-set.ts'
export { createRowCipher } from './row-cipher.ts'
