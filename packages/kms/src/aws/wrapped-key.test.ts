import fc from 'fast-check'
import { EnvelopeError } from 'prisma-envelope/keys'
import { expect, it } from 'vitest'
import { decodeWrappedKey, encodeWrappedKey } from './wrapped-key.ts'

const blob = new Uint8Array(184).fill(9)
const uuid = '1234abcd-12ab-34cd-56ef-1234567890ab'

it('packs a UUID and a multi-Region id in 17 bytes, and other ids as text', () => {
  expect(encodeWrappedKey({ keyId: uuid, blob })).toHaveLength(17 + 184)
  expect(encodeWrappedKey({ keyId: `mrk-${uuid.replaceAll('-', '')}`, blob })).toHaveLength(17 + 184)
  expect(encodeWrappedKey({ keyId: uuid.toUpperCase(), blob })).toHaveLength(2 + 36 + 184)
})

it('has the bytes that are documented', () => {
  expect(Buffer.from(encodeWrappedKey({ keyId: uuid, blob: Uint8Array.of(255) })).toString('hex')).toBe(
    '011234abcd12ab34cd56ef1234567890abff',
  )
  expect(Buffer.from(encodeWrappedKey({ keyId: 'my-key', blob: Uint8Array.of(255) })).toString('hex')).toBe('02066d792d6b6579ff')
  expect(Buffer.from(encodeWrappedKey({ keyId: `mrk-${'ab'.repeat(16)}`, blob: Uint8Array.of(255) })).toString('hex')).toBe(
    `03${'ab'.repeat(16)}ff`,
  )
})

it('gives back id and blob, whatever their form', () => {
  const hex = (length: number): fc.Arbitrary<string> =>
    fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes).toString('hex'))
  const keyIds = fc.oneof(
    fc.uuid(),
    hex(16).map((digits) => `mrk-${digits}`),
    fc.stringMatching(/^[\w-]{1,255}$/),
  )
  fc.assert(
    fc.property(keyIds, fc.uint8Array({ minLength: 1, maxLength: 6144 }), (keyId, bytes) => {
      const decoded = decodeWrappedKey(encodeWrappedKey({ keyId, blob: bytes }))
      expect(decoded.keyId).toBe(keyId)
      expect(new Uint8Array(decoded.blob)).toEqual(bytes)
    }),
  )
})

it.each([
  ['nothing', []],
  ['an unknown format', [9, ...Array<number>(40).fill(1)]],
  ['no blob behind a UUID', [1, ...Array<number>(16).fill(1)]],
  ['half a UUID', [1, 2, 3]],
  ['no length', [2]],
  ['an empty id', [2, 0, 1]],
  ['an id cut short', [2, 9, 65, 66]],
  ['no blob behind a text', [2, 1, 65]],
  ['an ARN as id', [2, 3, ...Buffer.from('a:b'), 1]],
  ['an alias as id', [2, 7, ...Buffer.from('alias/x'), 1]],
])('refuses %s', (_, bytes) => {
  expect(() => decodeWrappedKey(Uint8Array.from(bytes))).toThrow(expect.objectContaining({ code: 'CANNOT_OPEN' }))
})

it('does not throw anything else on arbitrary bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const outcome = (() => {
        try {
          decodeWrappedKey(bytes)
          return 'decoded'
        } catch (error) {
          return error instanceof EnvelopeError ? error.code : error
        }
      })()
      expect(['decoded', 'CANNOT_OPEN']).toContain(outcome)
    }),
  )
})
