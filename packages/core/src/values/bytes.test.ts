import fc from 'fast-check'
import { expect, it } from 'vitest'
import { codecOf, returned } from './test-codec.ts'

const codec = codecOf('Bytes')

it('comes back as a Uint8Array with the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const read = returned(codec, bytes)
      expect(read).toStrictEqual(bytes)
      expect((read as Uint8Array).buffer.byteLength).toBe(bytes.length)
    }),
  )
})

it('may be a view of any kind, or padded base64', () => {
  expect(codec.encode(Buffer.from('hi'))).toBe('aGk=')
  expect(codec.encode(new Uint8Array([1, 2, 3, 4]).subarray(1, 3))).toBe('AgM=')
  expect(codec.encode(new DataView(new ArrayBuffer(3)))).toBe('AAAA')
  expect(codec.encode('aGk=')).toBe('aGk=')
})

it.each(['aGk', 'aG k=', '_-8=', '!!', 'aGl=', [1, 2], new ArrayBuffer(2), 5, {}])('refuses %j', (value) => {
  expect(() => codec.encode(value)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }))
})

it.each(['aGk', 'aGl=', 5, ['aGk=']])('does not open %j', (json) => {
  expect(() => codec.decode(json)).toThrow(expect.objectContaining({ code: 'CANNOT_OPEN' }))
})
