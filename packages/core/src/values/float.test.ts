import { Decimal } from '@prisma/client/runtime/client'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codecOf, returned } from './test-codec.ts'

const outOfRange = expect.objectContaining({ code: 'P2020' })

describe('a Float', () => {
  const codec = codecOf('Float')

  it('comes back as it was, but for the sign of zero', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(returned(codec, value)).toBe(value === 0 ? 0 : value)
      }),
    )
  })

  it('is a string in the record where JSON has no number', () => {
    expect([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((value) => codec.encode(value))).toEqual([
      'NaN',
      'Infinity',
      '-Infinity',
    ])
  })

  it('may be a decimal, unless that has no double', () => {
    expect(codec.encode(new Decimal('0.1000000000000000055511151231257827'))).toBe(0.1)
    expect(() => codec.encode(new Decimal('1e400'))).toThrow(outOfRange)
    expect(() => codec.encode(new Decimal('1e-400'))).toThrow(outOfRange)
  })

  it.each([5n, '0.5', 'NaN', true, {}, new Decimal(Number.NaN)])('is not %s', (value) => {
    expect(() => codec.encode(value)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }))
  })

  it.each(['0.5', '-0', 'nan', true, [1]])('is not opened from %j', (json) => {
    expect(() => codec.decode(json)).toThrow(expect.objectContaining({ code: 'CANNOT_OPEN' }))
  })
})

describe('@db.Real', () => {
  const codec = codecOf('Float', 'Real')

  it.each([
    [0.1, 0.1],
    [1 / 3, 0.33333334],
    [16_777_217, 16_777_216],
    [2_147_483_648, 2_147_483_600],
    [3.40282356e38, 3.4028235e38],
    [1.401298464324817e-45, 1e-45],
    // Half-way between two shortest decimals: the even one.
    [-459_475.125, -459_475.12],
    // Half-way between two values: not a decimal for either.
    [36_474_390, 36_474_392],
    [-0, 0],
  ])('of %d comes back as %d', (value, read) => {
    expect(codec.encode(value)).toBe(read)
  })

  it('comes back the same the second time', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const read = codec.encode(value)
        expect(codec.encode(read)).toBe(read)
      }),
    )
  })

  it.each([3.5e38, 1e-46, Number.MIN_VALUE])('refuses %d, which has no such value', (value) => {
    expect(() => codec.encode(value)).toThrow(outOfRange)
  })
})
