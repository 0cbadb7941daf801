import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codecOf, returned } from './test-codec.ts'

const invalid = expect.objectContaining({ code: 'INVALID_VALUE' })
const refused = expect.objectContaining({ code: 'P2039' })

describe('a DateTime', () => {
  const codec = codecOf('DateTime')

  it('comes back as it was', () => {
    const dates = fc.date({ min: new Date('0001-01-01T00:00:00Z'), noInvalidDate: true })
    fc.assert(
      fc.property(dates, (date) => {
        expect(returned(codec, date)).toEqual(date)
      }),
    )
  })

  it.each([
    ['2020-01-02T03:04:05Z', '2020-01-02T03:04:05.000Z'],
    ['2020-01-02 03:04:05z', '2020-01-02T03:04:05.000Z'],
    ['2020-01-02t03:04:05.678999Z', '2020-01-02T03:04:05.678Z'],
    ['2020-01-02T03:04:05+02:00', '2020-01-02T01:04:05.000Z'],
    ['2020-01-02T03:04:05\u221202:30', '2020-01-02T05:34:05.000Z'],
    ['0044-03-15T12:00:00Z', '0044-03-15T12:00:00.000Z'],
  ])('may be the string %s', (text, stored) => {
    expect(codec.encode(text)).toBe(stored)
  })

  it.each([
    '',
    '2020-01-02',
    '2020-01-02T03:04:05',
    '2020-01-02T03:04Z',
    '2020-01-02T03:04:05+02',
    '2020-01-02T03:04:05-0230',
    '2020-01-02T03:04:05+24:00',
    '2020-01-02T03:04:05.Z',
    ' 2020-01-02T03:04:05Z',
    '2020-02-30T00:00:00Z',
    '2020-01-01T24:00:00Z',
    '2020-01-02T03:04:61Z',
    '+010000-01-01T00:00:00.000Z',
    'Thu, 02 Jan 2020 03:04:05 GMT',
  ])('is not the string %j', (text) => {
    expect(() => codec.encode(text)).toThrow(invalid)
  })

  it.each([0, 0n, true, {}, new Date(Number.NaN)])('is not %s', (value) => {
    expect(() => codec.encode(value)).toThrow(invalid)
  })

  it.each(['2016-12-31T23:59:60Z', '9999-12-31T23:59:59-23:00', '0000-01-01T00:00:00+23:00', '0000-01-01T00:00:00Z'])(
    'is refused by the database: %s',
    (text) => {
      expect(() => codec.encode(text)).toThrow(refused)
    },
  )

  it.each(['0000-06-01T00:00:00Z', '-000001-01-01T00:00:00Z', '-012345-01-01T00:00:00Z'])(
    'before the year 1 is refused by the database: %s',
    (text) => {
      expect(() => codec.encode(new Date(text))).toThrow(refused)
    },
  )

  it.each([0, 'hello', '2020-01-02', '2020-13-02T03:04:05.000Z'])('is not opened from %j', (json) => {
    expect(() => codec.decode(json)).toThrow(expect.objectContaining({ code: 'CANNOT_OPEN' }))
  })
})

describe('a native type of DateTime', () => {
  it.each([
    ['Date', '2020-01-02T23:59:59.999Z', '2020-01-02T00:00:00.000Z'],
    ['Date', '1969-12-31T23:59:59.999Z', '1969-12-31T00:00:00.000Z'],
    ['Time', '2020-01-02T03:04:05.678Z', '1970-01-01T03:04:05.678Z'],
    ['Time', '-000044-03-15T12:00:00.000Z', '1970-01-01T12:00:00.000Z'],
    ['Time(0)', '2020-01-02T03:04:05.500Z', '1970-01-01T03:04:06.000Z'],
    ['Time(0)', '2020-01-02T23:59:59.500Z', '1970-01-02T00:00:00.000Z'],
    ['Timestamp', '2020-01-02T03:04:05.678Z', '2020-01-02T03:04:05.678Z'],
    ['Timestamp(6)', '2020-01-02T03:04:05.678Z', '2020-01-02T03:04:05.678Z'],
    ['Timestamp(0)', '2020-01-02T03:04:05.500Z', '2020-01-02T03:04:06.000Z'],
    ['Timestamp(0)', '2020-01-02T03:04:05.499Z', '2020-01-02T03:04:05.000Z'],
    // PostgreSQL rounds away from the year 2000.
    ['Timestamp(0)', '1999-12-31T23:59:58.500Z', '1999-12-31T23:59:58.000Z'],
    ['Timestamp(1)', '2020-01-02T03:04:05.050Z', '2020-01-02T03:04:05.100Z'],
    ['Timestamptz(2)', '2020-01-02T03:04:05.005Z', '2020-01-02T03:04:05.010Z'],
  ])('@db.%s keeps of %s what the column keeps', (native, value, stored) => {
    const codec = codecOf('DateTime', native)
    expect(codec.encode(new Date(value))).toBe(stored)
    expect(codec.decode(stored)).toEqual(new Date(stored))
  })
})
