import { AnyNull, DbNull, Decimal, JsonNull, skip } from '@prisma/client/runtime/client'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../plan.ts'
import { codecOf, returned } from './test-codec.ts'

const invalid = expect.objectContaining({ code: 'INVALID_VALUE' })
const jsonb = codecOf('Json')
const text = codecOf('Json', 'Json')

describe('a Json value', () => {
  it('comes back equal', () => {
    const values = fc
      .jsonValue()
      .filter(
        (value) => value !== null && !JSON.stringify(value).includes('__proto__') && !JSON.stringify(value).includes('$type'),
      )
    fc.assert(
      fc.property(values, (value) => {
        expect(returned(text, value)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it('stands in an array, so that JSON null is not NULL', () => {
    expect(jsonb.encode({ a: 1 })).toEqual([{ a: 1 }])
    expect(jsonb.encode(JsonNull)).toEqual([null])
    expect(jsonb.encode(DbNull)).toBeNull()
    expect(jsonb.encode(null)).toBeNull()
    expect(jsonb.decode([null])).toBeNull()
  })

  it.each([
    [{ a: undefined, b: skip, c: 1 }, { c: 1 }],
    [
      { a: null, b: [null] },
      { a: null, b: [null] },
    ],
    [{ d: new Date(0) }, { d: '1970-01-01T00:00:00.000Z' }],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [{ x: 2n ** 70n }, { x: '1180591620717411303424' }],
    [5n, '5'],
    [
      { x: Number.NaN, y: Number.NEGATIVE_INFINITY, z: -0 },
      { x: null, y: null, z: 0 },
    ],
    [Number.NaN, null],
    [new Decimal('1.50'), 1.5],
    [{ x: new Decimal('1.50') }, { x: '1.5' }],
    [{ x: Buffer.from('hi') }, { x: 'aGk=' }],
    [{ x: DbNull }, { x: 'DbNull' }],
    [{ toJSON: () => ({ q: 1 }) }, { q: 1 }],
    [{ x: { toJSON: (): unknown => undefined } }, {}],
    [[{ toJSON: (): unknown => undefined }], [null]],
    [
      { $type: 'DateTime', value: 'x' },
      { $type: 'DateTime', value: 'x' },
    ],
    [new Map([['a', 1]]), {}],
    [Object.create({ inherited: 1 }), { inherited: 1 }],
    [JSON.parse('{"__proto__":{"x":1},"a":1}'), { a: 1 }],
    [{ x: Number('12345678901234567890') }, { x: 12_345_678_901_234_567_000 }],
  ])('is what Prisma makes of it: %o', (value, read) => {
    expect(returned(jsonb, value)).toStrictEqual(read)
    expect(returned(text, value)).toStrictEqual(read)
  })

  it.each([
    AnyNull,
    [undefined],
    [skip],
    { f() {} },
    Symbol('s'),
    { d: new Date(Number.NaN) },
    new Decimal(Number.NaN),
    undefined,
  ])('is not what Prisma refuses: %s', (value) => {
    expect(() => jsonb.encode(value)).toThrow(invalid)
  })

  it('has no cycles, and no end of levels', () => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    expect(() => jsonb.encode(cycle)).toThrow(invalid)
    expect(() => jsonb.encode({ $type: 'x', cycle })).toThrow(invalid)
    let deep: unknown = 0
    for (let level = 0; level < 100_000; level++) deep = [deep]
    expect(() => jsonb.encode(deep)).toThrow(invalid)
  })

  it('has its keys in the order of jsonb, by length and then by bytes; of json, in its own', () => {
    const value = { zz: 1, y: 2, é: 3, xxx: 4, ab: 5, '': 6, '😀': 7, '\uffee!': 8 }
    expect(Object.keys(returned(jsonb, value) as object)).toEqual(['', 'y', 'ab', 'zz', 'é', 'xxx', '\uffee!', '😀'])
    expect(Object.keys(returned(text, value) as object)).toEqual(['zz', 'y', 'é', 'xxx', 'ab', '', '😀', '\uffee!'])
  })

  it('with U+0000 or a lone surrogate is refused by jsonb, not by json', () => {
    for (const value of [{ x: 'a\0' }, { 'a\0': 1 }, ['\0']]) {
      expect(() => jsonb.encode(value)).toThrow(expect.objectContaining({ code: 'P2039' }))
      expect(returned(text, value)).toEqual(value)
    }
    for (const value of [{ x: '\ud800' }, { '\ud800': 1 }]) {
      expect(() => jsonb.encode(value)).toThrow(expect.objectContaining({ code: 'P2007' }))
      expect(returned(text, value)).toEqual(value)
    }
  })

  it('shares nothing with the input, nor with the record', () => {
    const value = { list: [1] }
    const record = jsonb.encode(value)
    value.list.push(2)
    expect(record).toEqual([{ list: [1] }])
    const read = jsonb.decode(record) as { list: number[] }
    read.list.push(3)
    expect(record).toEqual([{ list: [1] }])
  })

  it.each([{}, 'x', [], [1, 2]])('is not opened from %j', (json) => {
    expect(() => jsonb.decode(json)).toThrow(expect.objectContaining({ code: 'CANNOT_OPEN' }))
  })
})

describe('a list of Json', () => {
  const list = codecOf('Json', undefined, { list: true })

  it('has bare elements, JSON null among them', () => {
    expect(list.encode([1, null, { b: 1, a: 2 }, [1]])).toEqual([1, null, { a: 2, b: 1 }, [1]])
    expect(returned(list, [null])).toEqual([null])
  })

  it('keeps decimals as numbers', () => {
    expect(list.encode([{ x: new Decimal('1.50') }])).toEqual([{ x: 1.5 }])
  })

  it("takes Prisma's markers of null nowhere", () => {
    expect(() => list.encode([JsonNull])).toThrow(invalid)
    expect(() => list.encode([DbNull])).toThrow(invalid)
  })
})

it('gives back a key __proto__, which only SQL can have written, as a property like others', () => {
  const held = '{"__proto__":{"x":1},"a":2}'
  const decoded = codecOf('Json').decode([JSON.parse(held) as Json])
  expect(JSON.stringify(decoded)).toBe(held)
  expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
})
