import { isArray } from './jsonb.ts'
import type { Refusal, ValueCodec } from './value-codec.ts'

/** A list column of the element's type. PostgreSQL would take NULL elements, Prisma does not. */
export function compileList(element: ValueCodec, prepare: (value: unknown) => unknown, refusal: Refusal): ValueCodec {
  const expected = `an array, each element ${element.expected}`
  return {
    expected,
    encode(value) {
      if (!Array.isArray(value)) return refusal.wrongType(expected)
      // Array.from visits holes, too.
      return Array.from(value, (item: unknown) =>
        item === undefined ? refusal.wrongType(expected) : element.encode(prepare(item)),
      )
    },
    decode(json) {
      if (!isArray(json)) return undefined
      const values = json.map((item) => element.decode(item))
      return values.includes(undefined) ? undefined : values
    },
    same: (a, b) =>
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, i) => (element.same ?? Object.is)(item, b[i])),
  }
}
