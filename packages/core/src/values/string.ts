import { notOfSyntax, tooLong, unmapped } from './database-error.ts'
import type { NativeType, Refusal, ValueCodec } from './value-codec.ts'

const LONE_SURROGATE = /\p{Surrogate}/u
const LONE_SURROGATES = /\p{Surrogate}/gu

/** uuid_in of PostgreSQL: braces around all, a hyphen after any group of four digits. */
const UUID = /^(?:\{((?:[\da-f]{4}-?){7}[\da-f]{4})\}|((?:[\da-f]{4}-?){7}[\da-f]{4}))$/i

const CANONICAL_UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/

/** Strings as PostgreSQL keeps them: U+0000 refused, lone surrogates replaced on their way to UTF-8, and what the native type does. */
export function compileString(native: NativeType, refusal: Refusal): ValueCodec<string> {
  const shape = compileShape(native, refusal)
  const expected = 'a string (String)'
  return {
    expected,
    encode(value) {
      if (typeof value !== 'string') return refusal.wrongType(expected)
      return shape(asStored(value, refusal))
    },
    decode: (json) => (typeof json === 'string' ? json : undefined),
  }
}

function asStored(text: string, refusal: Refusal): string {
  if (text.includes('\0')) return refusal.byDatabase(unmapped('22021', 'invalid byte sequence for encoding "UTF8": 0x00'))
  return LONE_SURROGATE.test(text) ? text.replace(LONE_SURROGATES, '\ufffd') : text
}

function compileShape(native: NativeType, refusal: Refusal): (text: string) => string {
  switch (native?.name) {
    case 'VarChar':
      return native.args[0] === undefined ? (text) => text : limitedTo(native.args[0], 'character varying', refusal)
    case 'Char':
      return paddedTo(native.args[0] ?? 1, refusal)
    case 'Uuid':
      return (text) => canonicalUuid(text) ?? refusal.byDatabase(notOfSyntax('uuid'))
    default:
      return (text) => text
  }
}

/** PostgreSQL counts characters, and cuts spaces (nothing else) that stand beyond the limit. */
function limitedTo(limit: number, type: string, refusal: Refusal): (text: string) => string {
  return (text) => {
    if (text.length <= limit) return text
    const characters = Array.from(text)
    if (characters.length <= limit) return text
    if (characters.slice(limit).some((character) => character !== ' ')) return refusal.byDatabase(tooLong(`${type}(${limit})`))
    return characters.slice(0, limit).join('')
  }
}

function paddedTo(length: number, refusal: Refusal): (text: string) => string {
  const limited = limitedTo(length, 'character', refusal)
  return (text) => {
    const fitting = limited(text)
    return fitting + ' '.repeat(length - Array.from(fitting).length)
  }
}

function canonicalUuid(text: string): string | undefined {
  // Every row read with a bound UUID comes here.
  if (CANONICAL_UUID.test(text)) return text
  const match = UUID.exec(text)
  const hex = (match?.[1] ?? match?.[2])?.replaceAll('-', '').toLowerCase()
  return hex?.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
