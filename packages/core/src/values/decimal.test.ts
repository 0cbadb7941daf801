import { Decimal } from '@prisma/client/runtime/client'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codecOf, returned } from './test-codec.ts'

const overflow = expect.objectContaining({ code: 'P2020' })
const invalid = expect.objectContaining({ code: 'INVALID_VALUE' })

describe('a Decimal', () => {
  const unlimited = codecOf('Decimal', 'Decimal')

  it.each([
    ['1.10', '1.1'],
    [new Decimal('1.500'), '1.5'],
    ['+1.5', '1.5'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['007.5', '7.5'],
    ['-0.00', '0'],
    ['1e3', '1000'],
    ['1.5E+5', '150000'],
    ['1e-7', '0.0000001'],
    ['1_000', '1000'],
    [5, '5'],
    [-0, '0'],
    [1e21, `1${'0'.repeat(21)}`],
    [1 / 3, '0.3333333333333333'],
    // Prisma reads numbers to 16 significant digits, ties to even.
    [0.1 + 0.2, '0.3'],
    [2_384_619_687_830_604.5, '2384619687830604'],
    [2_384_619_687_830_605.5, '2384619687830606'],
    [2 ** 60, '1152921504606847000'],
    [{ s: 1, e: 0, d: [7], toFixed: () => '7.50' }, '7.5'],
  ])('of %s is stored as %s', (value, stored) => {
    expect(unlimited.encode(value)).toBe(stored)
  })

  it('comes back equal, as an instance of the class of the client', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.nat(40), (digits, places) => {
        const value = new Decimal(`${digits}e-${places}`)
        const read = returned(unlimited, value)
        expect(read).toBeInstanceOf(Decimal)
        expect(String(read)).toBe(String(value))
      }),
    )
  })

  it('may be NaN, and without a precision infinite', () => {
    expect(String(returned(unlimited, new Decimal(Number.NEGATIVE_INFINITY)))).toBe('-Infinity')
    expect(String(returned(codecOf('Decimal', 'Decimal(10,2)'), new Decimal(Number.NaN)))).toBe('NaN')
    expect(() => codecOf('Decimal', 'Decimal(10,2)').encode(new Decimal(Number.POSITIVE_INFINITY))).toThrow(overflow)
  })

  it.each(['1e131072', '1e-16384', '1e999999999999', new Decimal('1e999999999'), '0e-20000'])(
    'beyond what numeric holds is refused: %s',
    (value) => {
      expect(() => unlimited.encode(value)).toThrow(overflow)
    },
  )

  it.each(['', 'abc', ' 1.5', '0x10', '-', '.', '1.2.3', 'e5', '1e', '+-5', '_1', 'NaN', 'Infinity', 5n, true, Number.NaN, {}])(
    'is not %s',
    (value) => {
      expect(() => unlimited.encode(value)).toThrow(invalid)
    },
  )

  it.each([5, '1e3', '+5', 'abc', '', '.5'])('is not opened from %s', (json) => {
    expect(() => unlimited.decode(json)).toThrow(expect.objectContaining({ code: 'CANNOT_OPEN' }))
  })

  it('has 35 digits before the point and 30 behind it where the schema says nothing', () => {
    const codec = codecOf('Decimal')
    expect(codec.encode('5e-31')).toBe(`0.${'0'.repeat(29)}1`)
    expect(codec.encode('4e-31')).toBe('0')
    expect(codec.encode('9'.repeat(35))).toBe('9'.repeat(35))
    expect(() => codec.encode('1e35')).toThrow(overflow)
  })
})

describe('@db.Decimal(10, 2)', () => {
  const codec = codecOf('Decimal', 'Decimal(10,2)')

  it.each([
    ['0.005', '0.01'],
    ['-0.005', '-0.01'],
    ['0.004999', '0'],
    ['-0.001', '0'],
    ['99.995', '100'],
    ['99999999.994', '99999999.99'],
    ['1e-1000', '0'],
  ])('rounds %s half away from zero to %s', (value, stored) => {
    expect(codec.encode(value)).toBe(stored)
  })

  it('refuses what has too many digits, also after rounding', () => {
    expect(() => codec.encode('99999999.995')).toThrow(overflow)
    expect(() => codec.encode(100_000_000)).toThrow(overflow)
  })

  it('may have no digit before the point', () => {
    const fraction = codecOf('Decimal', 'Decimal(3,3)')
    expect(fraction.encode('.999')).toBe('0.999')
    expect(() => fraction.encode('.9995')).toThrow(overflow)
  })

  it('may have none behind it', () => {
    const whole = codecOf('Decimal', 'Decimal(5,0)')
    expect(whole.encode('-2.5')).toBe('-3')
    expect(whole.encode('0.4')).toBe('0')
  })
})
