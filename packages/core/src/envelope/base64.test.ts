import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBase64 } from './base64.ts'

const text = fc.string({ unit: fc.constantFrom(...Array.from('ABQgwxyz019+/=-_ \n.é')), maxLength: 24 })

test('what it takes is exactly what encodes back to the same text', () => {
  fc.assert(
    fc.property(text, (candidate) => {
      const bytes = Buffer.from(candidate, 'base64')
      expect(decodeBase64(candidate)?.toString('base64')).toBe(bytes.toString('base64') === candidate ? candidate : undefined)
    }),
    { numRuns: 20_000 },
  )
})

test('the encoding of any bytes is taken, and gives them back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      expect(decodeBase64(Buffer.from(bytes).toString('base64'))).toEqual(Buffer.from(bytes))
    }),
  )
})

test.each([
  'AA==AAAA',
  'AA=A',
  'A=A=',
  'A=AAAAA=',
  'AA=AAAA=',
  'AB==',
  'AAB=',
  'AAA',
  'AAAA=',
  '=',
  '====',
  'AAAA====',
  'A-_A',
  'AA AA',
])('%j is refused', (candidate) => {
  expect(decodeBase64(candidate)).toBeUndefined()
})
