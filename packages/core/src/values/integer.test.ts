import { Decimal } from '@prisma/client/runtime/client'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codecOf, returned } from './test-codec.ts'

const invalid = expect.objectContaining({ code: 'INVALID_VALUE' })
const outOfRange = expect.objectContaining({ code: 'P2020' })

describe('an Int', () => {
  const codec = codecOf('Int')

  it('comes back as it was', () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        expect(returned(codec, value)).toBe(value)
      }),
    )
  })

  it.each([
    [1.5, 1],
    [-5.9, -5],
    [-0, 0],
    [-0.5, 0],
    [1e-7, 0],
    [2_147_483_647.9, 2_147_483_647],
    [new Decimal('-5.9'), -5],
  ])('loses the fraction of %s', (value, whole) => {
    expect(codec.encode(value)).toBe(whole)
  })

  it.each([2 ** 31, -(2 ** 31) - 1, 9e18, new Decimal('2147483648')])('out of range is refused by the database: %s', (value) => {
    expect(() => codec.encode(value)).toThrow(outOfRange)
  })

  it.each([
    5n,
    '5',
    true,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1e20,
    new Decimal('1e30'),
    new Decimal(Number.NaN),
    new Number(5),
  ])('is not %s', (value) => {
    expect(() => codec.encode(value)).toThrow(invalid)
  })

  it.each(['5', 1.5, true, 2 ** 31, [1]])('is not opened from %j', (json) => {
    expect(() => codec.decode(json)).toThrow(expect.objectContaining({ code: 'CANNOT_OPEN' }))
  })

  it('of @db.SmallInt has 16 bits', () => {
    const small = codecOf('Int', 'SmallInt')
    expect(small.encode(-32_768)).toBe(-32_768)
    expect(() => small.encode(32_768)).toThrow(outOfRange)
    expect(() => small.encode(-32_769)).toThrow(outOfRange)
  })
})

describe('a BigInt', () => {
  const codec = codecOf('BigInt')

  it('comes back as it was', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        expect(returned(codec, value)).toBe(value)
      }),
    )
  })

  it.each([
    [5, '5'],
    ['007', '7'],
    ['+5', '5'],
    ['-0', '0'],
    ['-9223372036854775808', '-9223372036854775808'],
    // The shortest decimal of 2 ** 60, not its exact value: so Prisma writes it.
    [2 ** 60, '1152921504606847000'],
  ])('takes %s', (value, stored) => {
    expect(codec.encode(value)).toBe(stored)
  })

  it('out of range is refused by the database, a string by Prisma', () => {
    expect(() => codec.encode(2n ** 63n)).toThrow(outOfRange)
    expect(() => codec.encode(9.3e18)).toThrow(outOfRange)
    expect(() => codec.encode(1e21)).toThrow(expect.objectContaining({ code: 'P2007' }))
    expect(() => codec.encode('9223372036854775808')).toThrow(invalid)
  })

  it.each([1.5, Number.NaN, '', ' 5', '1.0', '1e3', '0x10', '5n', true, new Decimal(5)])('is not %s', (value) => {
    expect(() => codec.encode(value)).toThrow(invalid)
  })

  it.each([5, '', '05', '-0', '1.5', '0x10', ' 5'])('is not opened from %j', (json) => {
    expect(() => codec.decode(json)).toThrow(expect.objectContaining({ code: 'CANNOT_OPEN' }))
  })
})
