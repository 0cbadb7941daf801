import { describe, expect, it } from 'vitest'
import { codecOf, returned } from './test-codec.ts'

const invalid = expect.objectContaining({ code: 'INVALID_VALUE' })

describe('a list', () => {
  const codec = codecOf('Int', 'SmallInt', { list: true })

  it('does to each element what a single value meets', () => {
    expect(codec.encode([1.5, -0])).toEqual([1, 0])
    expect(() => codec.encode([1, 40_000])).toThrow(expect.objectContaining({ code: 'P2020' }))
    expect(codecOf('String', 'Char(3)', { list: true }).encode(['a', ''])).toEqual(['a  ', '   '])
    expect(returned(codecOf('DateTime', 'Date', { list: true }), [new Date('2020-01-02T03:04:05Z')])).toEqual([
      new Date('2020-01-02'),
    ])
  })

  it('may be empty', () => {
    expect(returned(codec, [])).toEqual([])
  })

  it('that is NULL in the database reads as an empty one', () => {
    expect(codec.decode(null)).toEqual([])
  })

  // oxlint-disable-next-line no-sparse-arrays -- a hole is what is tested
  it.each([5, null, undefined, {}, 'ab', new Int32Array([1]), new Set([1]), [null], [undefined], [1, , 2], [[1]], [1, 'a']])(
    'is not %o',
    (value) => {
      expect(() => codec.encode(value)).toThrow(invalid)
    },
  )

  it.each([5, {}, ['1'], [null], [[1]]])('is not opened from %j', (json) => {
    expect(() => codec.decode(json)).toThrow(expect.objectContaining({ code: 'CANNOT_OPEN' }))
  })

  it('has an empty list as its placeholder', () => {
    const encrypted = codecOf('String', undefined, { list: true, encrypted: { identity: 'tags', placeholder: '*' } })
    expect(encrypted.placeholder).toEqual([])
    expect(encrypted.isPlaceholder([])).toBe(true)
    expect(encrypted.isPlaceholder(['*'])).toBe(false)
  })
})
