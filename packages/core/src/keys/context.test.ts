import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeContext, indexContext, rowContext } from './context.ts'

describe('the context of rows', () => {
  it('holds format, table and what the user adds', () => {
    expect(rowContext('Patient')).toEqual({ 'prisma-envelope:format': 'v1', 'prisma-envelope:table': 'Patient' })
    expect(rowContext('Patient', { tenant: '42' })).toEqual({
      'prisma-envelope:format': 'v1',
      'prisma-envelope:table': 'Patient',
      tenant: '42',
    })
  })

  it.each(['prisma-envelope:table', 'prisma-envelope', 'Prisma-Envelope:x', 'aws:arn', 'AWS:x'])(
    'refuses the reserved name %s',
    (name) => {
      expect(() => rowContext('Patient', { [name]: 'x' })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
    },
  )

  it('refuses what is not well-formed text', () => {
    expect(() => rowContext('Patient', { tenant: '\uD800' })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
    expect(() => rowContext('Patient', { '\uDC00': 'x' })).toThrow(expect.objectContaining({ code: 'CONFIG' }))
    expect(() => rowContext('Patient', JSON.parse('{"tenant":42}'))).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  })

  it('keeps an entry named __proto__, as JSON may bring it', () => {
    const context = rowContext('Patient', JSON.parse('{"__proto__":"x"}'))
    expect(Object.keys(context)).toContain('__proto__')
    expect(encodeContext(context)).not.toEqual(encodeContext(rowContext('Patient')))
  })

  it('is frozen', () => {
    expect(Object.isFrozen(rowContext('Patient'))).toBe(true)
    expect(Object.isFrozen(indexContext)).toBe(true)
  })
})

describe('the canonical encoding of a context', () => {
  it('is length-prefixed names and values, sorted by name', () => {
    expect(encodeContext({ b: 'é', a: '' }).toString('hex')).toBe('000000016100000000000000016200000002c3a9')
  })

  it('sorts by the bytes of UTF-8, not by the units of UTF-16', () => {
    const encoded = encodeContext({ '\u{1F600}': '1', '\uFF5E': '2' })
    expect(encoded.indexOf(Buffer.from('\uFF5E'))).toBeLessThan(encoded.indexOf(Buffer.from('\u{1F600}')))
  })

  const contexts = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), { noNullPrototype: true })

  it('does not depend on the order of entries', () => {
    fc.assert(
      fc.property(contexts, (context) => {
        const reversed = Object.fromEntries(Object.entries(context).toReversed())
        expect(encodeContext(reversed)).toEqual(encodeContext(context))
      }),
    )
  })

  it('differs for different contexts', () => {
    const entries = (context: object): string => JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1)))
    fc.assert(
      fc.property(contexts, contexts, (a, b) => {
        expect(encodeContext(a).equals(encodeContext(b))).toBe(entries(a) === entries(b))
      }),
    )
  })
})
