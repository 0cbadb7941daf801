/** A decimal number: `digits` without leading zeros (empty for zero), the last `scale` of them behind the point; `scale` may be negative. */
export interface Numeric {
  readonly negative: boolean
  readonly digits: string
  readonly scale: number
}

/**
 * A decimal string as Prisma's query compiler reads it: a sign, digits with underscores between them, a point, an exponent.
 * `undefined` for everything else.
 */
export function fromString(text: string): Numeric | undefined {
  const match = /^([+-]?)([\d_]*)(?:\.([\d_]*))?(?:e\+?([+-]?\d+))?$/i.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  const digits = whole + fraction
  if (!/^\d/.test(digits)) return undefined
  return {
    negative: sign === '-',
    digits: digits.replaceAll('_', '').replace(/^0+/, ''),
    // Underscores behind the point count as digits there.
    scale: fraction.length - Number(exponent),
  }
}

/**
 * A number as Prisma's query compiler reads it: integers of 64 bits by their shortest decimal form, all others to 16 significant digits, ties to
 * even. `0.1 + 0.2` becomes 0.3.
 */
export function fromNumber(number: number): Numeric {
  const text = Number.isInteger(number) && Math.abs(number) < 2 ** 63 ? String(number) : sixteenDigits(number)
  return fromString(text) as Numeric
}

function sixteenDigits(number: number): string {
  const rounded = number.toExponential(15)
  // oxlint-disable-next-line number-arg-out-of-range -- the limit is 100, not 20
  const [mantissa = '', exponent = ''] = number.toExponential(60).split('e')
  // JavaScript rounds ties away from zero; 2 characters of a sign and a point stand before the last kept digit.
  const kept = mantissa.replace('-', '').slice(0, 17)
  const isTie = /^50*$/.test(mantissa.replace('-', '').slice(17))
  if (!isTie || Number(kept.at(-1)) % 2 !== 0) return rounded
  return `${number < 0 ? '-' : ''}${kept}e${exponent}`
}

/** To at most `scale` digits behind the point, half away from zero, as PostgreSQL does. */
export function roundTo(numeric: Numeric, scale: number): Numeric {
  const cut = numeric.scale - scale
  if (cut <= 0) return numeric
  const kept = numeric.digits.slice(0, Math.max(0, numeric.digits.length - cut))
  const next = numeric.digits.at(-cut) ?? '0'
  const digits = cut > numeric.digits.length || next < '5' ? kept : (BigInt(kept) + 1n).toString()
  return { negative: numeric.negative, digits, scale }
}

/** Plain notation without exponent, without zeros at the end of the fraction, without a negative zero. */
export function print({ negative, digits, scale }: Numeric): string {
  if (digits === '') return '0'
  const padded = scale < 0 ? digits + '0'.repeat(-scale) : digits.padStart(scale + 1, '0')
  const point = padded.length - Math.max(scale, 0)
  const fraction = padded.slice(point).replace(/0+$/, '')
  return `${negative ? '-' : ''}${padded.slice(0, point)}${fraction === '' ? '' : `.${fraction}`}`
}
