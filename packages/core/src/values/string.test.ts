import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codecOf, returned } from './test-codec.ts'

describe('a String', () => {
  const codec = codecOf('String')

  it('comes back as it was, whatever the Unicode', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!text.includes('\0'))
        expect(returned(codec, text)).toBe(text)
      }),
    )
  })

  it('has U+FFFD in place of lone surrogates, as on the way to UTF-8', () => {
    expect(returned(codec, 'a\ud800b')).toBe('a\ufffdb')
    expect(returned(codec, '\udc00')).toBe('\ufffd')
    expect(returned(codec, '\ud83d\ude00')).toBe('😀')
  })

  it('with U+0000 is refused as PostgreSQL does', () => {
    expect(() => codec.encode('a\0b')).toThrow(expect.objectContaining({ code: 'P2039' }))
    expect(() => codecOf('String', 'VarChar(1)').encode('too long\0')).toThrow(expect.objectContaining({ code: 'P2039' }))
  })

  it.each([5, 5n, true, {}, [], new Date(0), new String('boxed'), undefined])('is not %s', (value) => {
    expect(() => codec.encode(value)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }))
  })

  it('may be an object that says so by toJSON', () => {
    expect(codec.encode({ toJSON: () => 'Ada' })).toBe('Ada')
  })
})

describe('@db.VarChar(5)', () => {
  const codec = codecOf('String', 'VarChar(5)')

  it('counts characters, not UTF-16 units', () => {
    expect(codec.encode('😀😀😀😀😀')).toBe('😀😀😀😀😀')
    expect(() => codec.encode('😀😀😀😀😀😀')).toThrow(expect.objectContaining({ code: 'P2000' }))
  })

  it('cuts spaces beyond its length, and nothing else', () => {
    expect(codec.encode('12345   ')).toBe('12345')
    expect(codec.encode('123 ')).toBe('123 ')
    expect(codec.encode('        ')).toBe('     ')
    expect(() => codec.encode('12345\t')).toThrow(expect.objectContaining({ code: 'P2000' }))
    expect(() => codec.encode('12345 6')).toThrow(expect.objectContaining({ code: 'P2000' }))
  })

  it('without a length has no limit', () => {
    expect(codecOf('String', 'VarChar').encode('x'.repeat(1000))).toHaveLength(1000)
  })
})

describe('@db.Char(5)', () => {
  const codec = codecOf('String', 'Char(5)')

  it('comes back padded', () => {
    expect(codec.encode('ab')).toBe('ab   ')
    expect(codec.encode('😀')).toBe('😀    ')
    expect(codec.encode('')).toBe('     ')
    expect(codec.encode('12345  ')).toBe('12345')
  })

  it('refuses what is longer', () => {
    expect(() => codec.encode('123456')).toThrow(expect.objectContaining({ code: 'P2000' }))
    expect(() => codecOf('String', 'Char').encode('ab')).toThrow(expect.objectContaining({ code: 'P2000' }))
  })
})

describe('@db.Uuid', () => {
  const codec = codecOf('String', 'Uuid')
  const canonical = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'

  it.each([
    canonical,
    canonical.toUpperCase(),
    `{${canonical}}`,
    'a0eebc999c0b4ef8bb6d6bb9bd380a11',
    '{a0eebc999c0b4ef8bb6d6bb9bd380a11}',
    'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11',
  ])('takes %s', (text) => {
    expect(codec.encode(text)).toBe(canonical)
  })

  it.each([
    '',
    'a0eebc99',
    ` ${canonical}`,
    `${canonical} `,
    `{${canonical}`,
    `urn:uuid:${canonical}`,
    `${canonical}-`,
    'a0e-ebc999c0b4ef8bb6d6bb9bd380a11',
  ])('refuses %j', (text) => {
    expect(() => codec.encode(text)).toThrow(expect.objectContaining({ code: 'P2007' }))
  })
})
