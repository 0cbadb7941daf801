import type { Json } from '../plan.ts'
import { outOfRange } from './database-error.ts'
import { isDecimal } from './input.ts'
import type { NativeType, Refusal, ValueCodec } from './value-codec.ts'

/** JSON has no way to write these. -0 is not among them: Prisma sends it as 0. */
const SPECIAL: ReadonlyMap<Json, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])

export function compileFloat(native: NativeType, refusal: Refusal): ValueCodec {
  const real = native?.name === 'Real'
  const expected = 'a number (Float)'
  return {
    expected,
    encode(value) {
      const number = numberOf(value, refusal)
      if (number === undefined) return refusal.wrongType(expected)
      if (!Number.isFinite(number)) return String(number)
      // The sum turns -0 into 0.
      return real ? asReal(number, refusal) : number + 0
    },
    decode: (json) => (typeof json === 'number' && Number.isFinite(json) ? json : SPECIAL.get(json)),
    same: Object.is,
  }
}

function numberOf(value: unknown, refusal: Refusal): number | undefined {
  if (typeof value === 'number') return value
  if (!isDecimal(value)) return undefined
  const text = value.toFixed()
  const number = Number(text)
  if (SPECIAL.has(text)) return undefined
  if (!Number.isFinite(number) || (number === 0 && /[1-9]/.test(text))) {
    return refusal.byDatabase(outOfRange('value is out of range for type double precision'))
  }
  return number
}

/**
 * A `real` keeps 24 bits of mantissa, and PostgreSQL prints the shortest decimal that reads back as the same `real`; Prisma reads that
 * decimal as a double. So 1/3 comes back as 0.33333334, not as the float32 nearest to 1/3.
 */
function asReal(number: number, refusal: Refusal): number {
  const float32 = Math.fround(number)
  if (!Number.isFinite(float32) || (float32 === 0 && number !== 0)) {
    return refusal.byDatabase(outOfRange('value is out of range for type real'))
  }
  for (let digits = 1; digits < 9; digits++) {
    const candidate = rounded(float32, digits)
    if (readsBackAs(float32, candidate)) return candidate + 0
  }
  return Number(float32.toPrecision(9))
}

/** PostgreSQL does not trust readers with decimals half-way between two values of `real`. */
function readsBackAs(float32: number, candidate: number): boolean {
  const mirrored = 2 * candidate - float32
  return Math.fround(candidate) === float32 && (candidate === float32 || Math.fround(mirrored) !== mirrored)
}

/** To so many significant digits, ties to even; JavaScript alone rounds ties away from zero. */
function rounded(float32: number, digits: number): number {
  const longer = float32.toExponential(digits)
  const isTie = Number(longer) === float32 && /[02468]\.?5e/.test(longer)
  return Number(isTie ? longer.replace('5e', 'e') : float32.toPrecision(digits))
}
