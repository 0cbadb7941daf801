import { describe, expect, it } from 'vitest'
import type { Json, ScalarType } from '../plan.ts'
import { bindValue } from './bind.ts'
import { planOf } from './test-codec.ts'

describe('a bound value', () => {
  it.each<[ScalarType, string | undefined, unknown, unknown, string, string]>([
    ['String', undefined, 'acme', 'acme', 's', 'acme'],
    ['String', 'Char(5)', 'ab', 'ab   ', 's', 'ab   '],
    ['String', 'VarChar(2)', 'ab  ', 'ab', 's', 'ab'],
    ['String', 'Citext', 'Ab', 'Ab', 's', 'Ab'],
    [
      'String',
      'Uuid',
      'A0EEBC999C0B4EF8BB6D6BB9BD380A11',
      'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
      'u',
      'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    ],
    ['Int', undefined, 42.9, 42, 'i', '42'],
    ['BigInt', undefined, 42, 42n, 'i', '42'],
    ['BigInt', undefined, '042', 42n, 'i', '42'],
    ['Boolean', undefined, true, true, 'b', 'true'],
    ['DateTime', undefined, '2020-01-02T05:04:05+02:00', new Date('2020-01-02T03:04:05Z'), 't', '2020-01-02T03:04:05.000Z'],
    [
      'DateTime',
      'Timestamp(0)',
      new Date('2020-01-02T03:04:05.500Z'),
      new Date('2020-01-02T03:04:06Z'),
      't',
      '2020-01-02T03:04:06.000Z',
    ],
    ['DateTime', 'Date', new Date('2020-01-02T03:04:05Z'), new Date('2020-01-02'), 'd', '2020-01-02'],
    ['DateTime', 'Date', new Date('+012020-01-02T03:04:05Z'), new Date('+012020-01-02T00:00:00Z'), 'd', '+012020-01-02'],
    [
      'DateTime',
      'Time(0)',
      new Date('1970-01-01T23:59:59.500Z'),
      new Date('1970-01-02T00:00:00Z'),
      't',
      '1970-01-01T00:00:00.000Z',
    ],
    ['Enum', undefined, 'very_glad', 'very_glad', 'e', 'very glad'],
  ])('of %s @db.%s is one text from an input and from a result', (type, native, input, result, tag, value) => {
    const plan = planOf(type, native, { values: { very_glad: 'very glad' } })
    const bound = { column: 'the_column', tag, value }
    expect(bindValue(plan, input)).toEqual(bound)
    expect(bindValue(plan, result)).toEqual(bound)
  })

  it('that is null keeps the tag of its type', () => {
    expect(bindValue(planOf('String', 'Uuid'), null)).toEqual({ column: 'the_column', tag: 'u', value: null })
    expect(bindValue(planOf('DateTime', 'Date'), null)).toEqual({ column: 'the_column', tag: 'd', value: null })
  })

  it.each<[ScalarType, string | undefined, boolean]>([
    ['Float', undefined, false],
    ['Decimal', undefined, false],
    ['Json', undefined, false],
    ['Bytes', undefined, false],
    ['String', undefined, true],
    ['String', 'Inet', false],
    ['String', 'Bit(3)', false],
    ['Int', 'Oid', false],
    ['DateTime', 'Timetz', false],
  ])('can not be of %s @db.%s (list: %s)', (type, native, list) => {
    const plan = planOf(type, native, list ? { list } : {})
    expect(() => bindValue(plan, null)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
  })

  it.each<[ScalarType, string | undefined, Json | undefined]>([
    ['String', undefined, 5],
    ['String', undefined, undefined],
    ['String', 'VarChar(2)', 'secret'],
    ['String', 'Uuid', 'secret'],
    ['Int', undefined, 2 ** 40],
    ['DateTime', undefined, '2020-01-01'],
    ['Enum', undefined, 'secret'],
  ])('of %s @db.%s is not %j', (type, native, value) => {
    expect(() => bindValue(planOf(type, native), value)).toThrow(
      expect.objectContaining({ code: 'INVALID_VALUE', message: expect.not.stringContaining('secret') }),
    )
  })
})
