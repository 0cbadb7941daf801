import { createHash } from 'node:crypto'

/** What the names of all CHECK constraints of the command `guard` begin with: whoever writes plaintext looks for it first. */
export const GUARD_PREFIX = 'envelope_guard_'

/** Of identifiers, in bytes (PostgreSQL's NAMEDATALEN). */
const LONGEST_NAME = 63
const HASH_LENGTH = 8

/** The name of a column's guard: stable, and different for each column of a table. */
export function guardName(table: string, column: string): string {
  const name = `${GUARD_PREFIX}${table}_${column}`
  if (Buffer.byteLength(name) <= LONGEST_NAME) return name
  const hash = createHash('sha256').update(`${table}\0${column}`).digest('hex').slice(0, HASH_LENGTH)
  return `${cut(name, LONGEST_NAME - HASH_LENGTH - 1)}_${hash}`
}

/** The longest beginning that takes no more bytes, and splits no character. */
function cut(text: string, bytes: number): string {
  let kept = ''
  let length = 0
  for (const character of text) {
    length += Buffer.byteLength(character)
    if (length > bytes) return kept
    kept += character
  }
  return kept
}
