import { isDeepStrictEqual } from 'node:util'
import type { Refusal, ValueCodec } from './value-codec.ts'

export function compileBytes(refusal: Refusal): ValueCodec {
  const expected = 'a Uint8Array or a padded base64 string (Bytes)'
  return {
    expected,
    encode(value) {
      if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
      return typeof value === 'string' && fromBase64(value) !== undefined ? value : refusal.wrongType(expected)
    },
    // A copy, as small Buffers are windows on a pool that others write to.
    decode: (json) => (typeof json === 'string' ? copyOf(fromBase64(json)) : undefined),
    same: (a, b) => isDeepStrictEqual(a, b),
  }
}

/** Node's decoder takes a lot more than canonical base64; only that encodes back to the same text. */
function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

function copyOf(bytes: Buffer | undefined): Uint8Array | undefined {
  return bytes === undefined ? undefined : new Uint8Array(bytes)
}
