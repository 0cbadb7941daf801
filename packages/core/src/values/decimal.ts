import type { Json } from '../plan.ts'
import type { PrismaNamespace } from './contract.ts'
import { outOfRange } from './database-error.ts'
import { type DecimalLike, isDecimal } from './input.ts'
import { fromNumber, fromString, type Numeric, print, roundTo } from './numeric.ts'
import type { NativeType, Refusal, ValueCodec } from './value-codec.ts'

/** Of Prisma's `Decimal` without a native type. */
const DEFAULT_PRECISION = { name: 'Decimal', args: [65, 30] } as const

/** What PostgreSQL's `numeric` can hold at most, before and after the point. */
const MAX_WHOLE_DIGITS = 131_072
const MAX_SCALE = 16_383

const SPECIAL = new Set<Json>(['NaN', 'Infinity', '-Infinity'])

export function compileDecimal(native: NativeType, prisma: PrismaNamespace, refusal: Refusal): ValueCodec {
  const [precision, scale] = (native ?? DEFAULT_PRECISION).args
  const limits = precision === undefined ? undefined : { precision, scale: scale ?? 0 }
  const expected = 'a Decimal, a finite number or a decimal string (Decimal)'
  const overflow = () => refusal.byDatabase(outOfRange('numeric field overflow'))

  function fitted(numeric: Numeric): string {
    const { digits, scale: places } = numeric
    if (places > MAX_SCALE || (digits !== '' && digits.length - places > MAX_WHOLE_DIGITS)) {
      return refusal.byDatabase(outOfRange('value overflows numeric format'))
    }
    if (limits === undefined) return print(numeric)
    const rounded = roundTo(numeric, limits.scale)
    const whole = rounded.digits === '' ? 0 : rounded.digits.length - rounded.scale
    return whole > limits.precision - limits.scale ? overflow() : print(rounded)
  }

  function fromDecimal(value: DecimalLike): string {
    // decimal.js writes all digits out: a hostile exponent would take gigabytes.
    if (value.e > MAX_WHOLE_DIGITS) return refusal.byDatabase(outOfRange('value overflows numeric format'))
    const text = value.toFixed()
    if (SPECIAL.has(text)) return text === 'NaN' || limits === undefined ? text : overflow()
    const numeric = fromString(text)
    return numeric === undefined ? refusal.wrongType(expected) : fitted(numeric)
  }

  return {
    expected,
    encode(value) {
      if (isDecimal(value)) return fromDecimal(value)
      const numeric =
        typeof value === 'string'
          ? fromString(value)
          : typeof value === 'number' && Number.isFinite(value)
            ? fromNumber(value)
            : undefined
      return numeric === undefined ? refusal.wrongType(expected) : fitted(numeric)
    },
    decode(json) {
      if (typeof json !== 'string' || !(/^-?\d+(?:\.\d+)?$/.test(json) || SPECIAL.has(json))) return undefined
      return new prisma.Decimal(json)
    },
    same: (a, b) => isDecimal(a) && isDecimal(b) && a.toFixed() === b.toFixed(),
  }
}
