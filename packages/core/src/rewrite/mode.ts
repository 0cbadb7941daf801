/**
 * Where a field is on its way from plaintext to ciphertext, or back.
 *
 * - `plain`: written in the clear; read from the envelope where the row has one, else from its column.
 * - `dual`: sealed at every write; read as `plain` does.
 * - `strict`: sealed at every write; a row without an envelope, or that something else wrote to, throws.
 */
export type Mode = 'plain' | 'dual' | 'strict'

/** The mode of a field, by Prisma's names. */
export type ModeOf = (model: string, field: string) => Mode
