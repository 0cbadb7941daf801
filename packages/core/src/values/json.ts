import { isDeepStrictEqual } from 'node:util'
import type { Json } from '../plan.ts'
import type { PrismaNamespace } from './contract.ts'
import { EXPECTED_JSON, readJson } from './json-input.ts'
import { isArray, toJsonb } from './jsonb.ts'
import type { NativeType, Refusal, ValueCodec } from './value-codec.ts'

/** The value in an array of its own: JSON null, `[null]`, stays apart from SQL NULL, `null`. */
export function compileJson(native: NativeType, prisma: PrismaNamespace, refusal: Refusal): ValueCodec {
  const store = compileStore(native, false, prisma, refusal)
  return {
    expected: EXPECTED_JSON,
    encode: (value) => [store(value)],
    decode: (json) => (isArray(json) && json.length === 1 ? copyOf(json[0] as Json) : undefined),
    same: isDeepStrictEqual,
  }
}

/** Elements of a Json list stand bare: PostgreSQL's NULL can't be among them. */
export function compileJsonElement(native: NativeType, prisma: PrismaNamespace, refusal: Refusal): ValueCodec {
  return { expected: EXPECTED_JSON, encode: compileStore(native, true, prisma, refusal), decode: copyOf, same: isDeepStrictEqual }
}

function compileStore(native: NativeType, inList: boolean, prisma: PrismaNamespace, refusal: Refusal): (value: unknown) => Json {
  // A `json` column keeps the text as it came.
  const keepsText = native?.name === 'Json'
  return (value) => {
    try {
      const json = readJson(value, inList, prisma, refusal)
      return keepsText ? json : toJsonb(json, refusal)
    } catch (error) {
      // The call stack ran out: a cycle, or thousands of levels.
      if (error instanceof RangeError) return refusal.wrongType(EXPECTED_JSON)
      throw error
    }
  }
}

function copyOf(json: Json): Json {
  if (typeof json !== 'object' || json === null) return json
  if (isArray(json)) return json.map(copyOf)
  const copy: Record<string, Json> = {}
  for (const key of Object.keys(json)) {
    const value = copyOf(json[key] as Json)
    // Prisma sends no such key, but reads it where SQL wrote it: a property like others, where an assignment would change the prototype.
    if (key === '__proto__') Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true })
    else copy[key] = value
  }
  return copy
}
