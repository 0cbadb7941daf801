import type { Refusal, ValueCodec } from './value-codec.ts'

export function compileBoolean(refusal: Refusal): ValueCodec<boolean> {
  const expected = 'true or false (Boolean)'
  return {
    expected,
    encode: (value) => (typeof value === 'boolean' ? value : refusal.wrongType(expected)),
    decode: (json) => (typeof json === 'boolean' ? json : undefined),
  }
}
