import { notOfSyntax, outOfRange } from './database-error.ts'
import { isDecimal } from './input.ts'
import type { NativeType, Refusal, ValueCodec } from './value-codec.ts'

const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)

/** Prisma takes any number for an Int and cuts its fraction off; PostgreSQL then looks at the range. */
export function compileInt(native: NativeType, refusal: Refusal): ValueCodec<number> {
  const [type, max] = native?.name === 'SmallInt' ? ['smallint', 2 ** 15 - 1] : ['integer', 2 ** 31 - 1]
  const expected = 'a whole number (Int)'
  return {
    expected,
    encode(value) {
      const whole = wholePart(value)
      if (whole === undefined || Math.abs(whole) >= 2 ** 63) return refusal.wrongType(expected)
      if (whole > max || whole < -max - 1) return refusal.byDatabase(outOfRange(`value is out of range for type ${type}`))
      return whole
    },
    decode: (json) => (typeof json === 'number' && Number.isInteger(json) && json <= max && json >= -max - 1 ? json : undefined),
  }
}

function wholePart(value: unknown): number | undefined {
  const number = isDecimal(value) ? Number(value.toFixed().split('.')[0]) : value
  // The sum turns -0 into 0.
  return typeof number === 'number' && Number.isFinite(number) ? Math.trunc(number) + 0 : undefined
}

/** Whole numbers, bigints, and strings of digits. */
export function compileBigInt(refusal: Refusal): ValueCodec<string> {
  const expected = 'a bigint, a whole number or a string of digits, of at most 64 bits (BigInt)'
  return {
    expected,
    encode(value) {
      const integer = typeof value === 'bigint' ? value : fromNumber(value, refusal)
      if (integer !== undefined) {
        if (!fits(integer)) return refusal.byDatabase(outOfRange('value is out of range for type bigint'))
        return integer.toString()
      }
      if (typeof value !== 'string' || !/^[+-]?\d+$/.test(value)) return refusal.wrongType(expected)
      const parsed = BigInt(value)
      return fits(parsed) ? parsed.toString() : refusal.wrongType(expected)
    },
    decode: (json) => (typeof json === 'string' && /^(?:0|-?[1-9]\d{0,18})$/.test(json) ? BigInt(json) : undefined),
  }
}

/** By way of the number's shortest decimal form, as that is what Prisma sends: `2 ** 60` becomes 1152921504606847000. */
function fromNumber(value: unknown, refusal: Refusal): bigint | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value)) return undefined
  const text = String(value)
  return text.includes('e') ? refusal.byDatabase(notOfSyntax('bigint')) : BigInt(text)
}

function fits(integer: bigint): boolean {
  return integer <= INT64_MAX && integer >= INT64_MIN
}
