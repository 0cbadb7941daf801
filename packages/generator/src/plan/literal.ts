import type { ColumnPlan, Json } from 'prisma-envelope/plan'
import type { Value } from '../annotation/syntax.ts'

/** A literal of the schema in the record encoding (`docs/format.md`), or what was expected instead. */
export type Encoded = { readonly value: Json } | { readonly expected: string }

/** Encodes one element; lists are for the caller. `values` are those of an enum. */
export function encodeLiteral({ type, values }: Pick<ColumnPlan, 'type' | 'values'>, literal: Value): Encoded {
  const text = 'text' in literal ? literal.text : undefined
  switch (type) {
    case 'String':
      return literal.kind === 'string' && isStorable(literal.text)
        ? { value: literal.text }
        : { expected: 'a string in double quotes, without U+0000 and lone surrogates' }
    case 'Boolean':
      return literal.kind === 'name' && (text === 'true' || text === 'false')
        ? { value: text === 'true' }
        : { expected: 'true or false' }
    case 'Int':
      return integer(literal, -(2n ** 31n), 2n ** 31n - 1n, Number)
    case 'BigInt':
      return integer(literal, -(2n ** 63n), 2n ** 63n - 1n, String)
    case 'Float':
      return literal.kind === 'number' && Number.isFinite(Number(text)) ? { value: Number(text) + 0 } : { expected: 'a number' }
    case 'Decimal':
      return decimal(literal)
    case 'DateTime':
      return dateTime(literal)
    case 'Bytes':
      return literal.kind === 'string' && Buffer.from(literal.text, 'base64').toString('base64') === literal.text
        ? { value: literal.text }
        : { expected: 'a string in base64' }
    case 'Enum': {
      const value =
        text === undefined || literal.kind === 'number' || values === undefined || !Object.hasOwn(values, text)
          ? undefined
          : values[text]
      return value === undefined ? { expected: `one of ${Object.keys(values ?? {}).join(', ')}` } : { value }
    }
    case 'Json': {
      const value = json(literal)
      return value === undefined ? { expected: 'JSON whose numbers are exact as IEEE doubles' } : { value: [value] }
    }
  }
}

/** PostgreSQL refuses U+0000, and UTF-8 can't write half a surrogate pair. */
export function isStorable(text: string): boolean {
  return !/[\0\p{Cs}]/u.test(text)
}

function integer(literal: Value, least: bigint, most: bigint, encode: (value: bigint) => Json): Encoded {
  const expected = `an integer from ${least} to ${most}`
  if (literal.kind !== 'number' || !/^[+-]?\d+$/.test(literal.text)) return { expected }
  const value = BigInt(literal.text.replace('+', ''))
  return value < least || value > most ? { expected } : { value: encode(value) }
}

/** Plain notation without an exponent, leading or trailing zeros. */
function decimal(literal: Value): Encoded {
  const [, sign = '', whole = '', fraction = ''] =
    (literal.kind === 'number' && /^([+-]?)(\d*)(?:\.(\d+))?$/.exec(literal.text)) || []
  if (whole === '' && fraction === '') return { expected: 'a decimal number without an exponent' }
  const digits = whole.replace(/^0+(?=.)/, '') || '0'
  const decimals = fraction.replace(/0+$/, '')
  const value = decimals === '' ? digits : `${digits}.${decimals}`
  return { value: sign === '-' && value !== '0' ? `-${value}` : value }
}

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?(?:Z|[+-]\d\d:\d\d)$/

function dateTime(literal: Value): Encoded {
  const expected = 'a date and time to the millisecond, such as "1970-01-01T00:00:00.000Z"'
  const match = literal.kind === 'string' ? RFC3339.exec(literal.text) : null
  if (match === null || /[1-9]/.test(match[1]?.slice(3) ?? '')) return { expected }
  const [text] = match
  const date = new Date(text)
  // JavaScript lets February 30 roll over.
  const local = new Date(`${text.slice(0, 19)}Z`)
  if (Number.isNaN(date.getTime()) || Number.isNaN(local.getTime())) return { expected }
  return local.toISOString().startsWith(text.slice(0, 19)) ? { value: date.toISOString() } : { expected }
}

function json(literal: Value): Json | undefined {
  switch (literal.kind) {
    case 'string':
      return isStorable(literal.text) ? literal.text : undefined
    case 'number':
      return exact(literal.text)
    case 'name':
      return literal.text === 'null' ? null : literal.text === 'true' ? true : literal.text === 'false' ? false : undefined
    case 'list': {
      const items = literal.items.map(json)
      return items.every((item) => item !== undefined) ? items : undefined
    }
    case 'object': {
      const entries = literal.entries.map(([key, value]) => [key, isStorable(key) ? json(value) : undefined] as const)
      return entries.every((entry): entry is readonly [string, Json] => entry[1] !== undefined)
        ? Object.fromEntries(entries)
        : undefined
    }
  }
}

function exact(text: string): number | undefined {
  const value = Number(text)
  if (!Number.isFinite(value)) return undefined
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : value + 0
}
