import type { Json } from '../plan.ts'
import { wasUnreadable } from '../unreadable-value.ts'
import type { PrismaNamespace } from './contract.ts'
import { type DecimalLike, isDate, isDecimal, isFieldReference, nullName } from './input.ts'
import type { Refusal } from './value-codec.ts'

export const EXPECTED_JSON = 'a value that JSON can hold, for JSON null Prisma.JsonNull (Json)'

/**
 * Reads a value of a Json field as Prisma Client serializes it. Its ways are its own, not those of `JSON.stringify`: inherited properties count,
 * bigints become strings, bytes base64, `undefined` is dropped from objects and refused in arrays, functions are refused.
 *
 * @param inList whether the value is an element of a Json list, where Prisma keeps decimals as numbers
 * @returns a copy that shares nothing with `value`
 */
export function readJson(value: unknown, inList: boolean, prisma: PrismaNamespace, refusal: Refusal): Json {
  const refuse = () => refusal.wrongType(EXPECTED_JSON)

  function top(given: unknown): Json {
    if (isDecimal(given)) return Number.isNaN(given.e) ? refuse() : decimalNumber(given)
    const empty = nullName(given)
    if (empty !== undefined) return empty === 'JsonNull' && !inList ? null : refuse()
    const json = read(given)
    return json === undefined ? refuse() : json
  }

  /** `undefined` for an object whose `toJSON` gives nothing, which leaves itself out as under `JSON.stringify`. */
  function read(given: unknown): Json | undefined {
    switch (typeof given) {
      case 'string':
      case 'boolean':
        return given
      case 'number':
        // The sum turns -0 into 0, as JSON.stringify does.
        return Number.isFinite(given) ? given + 0 : null
      case 'bigint':
        return given.toString()
      case 'object':
        return given === null ? null : readObject(given)
      default:
        return refuse()
    }
  }

  function readObject(given: object): Json | undefined {
    if (Array.isArray(given)) return readArray(given)
    if (isDate(given)) return Number.isNaN(given.getTime()) ? refuse() : given.toISOString()
    if (ArrayBuffer.isView(given)) return base64(given)
    if (isDecimal(given)) return inList ? decimalNumber(given) : decimalText(given)
    if (isFieldReference(given) || wasUnreadable(given)) return refuse()
    // Prisma takes its null markers for null only where they stand alone; deeper, they become their names.
    const empty = nullName(given)
    if (empty !== undefined) return empty
    const { toJSON, $type } = given as { toJSON?: unknown; $type?: unknown }
    if (typeof toJSON === 'function') return throughText(toJSON.call(given))
    // Prisma marks its own tags with `$type`, and takes objects that look like one as they are.
    if (typeof $type === 'string' && $type !== '') return throughText(given)
    return readProperties(given as Record<string, unknown>)
  }

  function decimalText(given: DecimalLike): string {
    return (new prisma.Decimal(given.toFixed()) as { toJSON(): string }).toJSON()
  }

  function readArray(given: readonly unknown[]): Json {
    // Array.from visits holes, too.
    return Array.from(given, (element) => (element === undefined || isSkip(element) ? refuse() : (read(element) ?? null)))
  }

  function readProperties(given: Record<string, unknown>): Json {
    const properties: Record<string, Json> = {}
    // Not Object.keys: Prisma counts inherited properties in. It loses `__proto__`.
    for (const key in given) {
      const property = given[key]
      if (property === undefined || key === '__proto__' || isSkip(property)) continue
      const json = read(property)
      if (json !== undefined) properties[key] = json
    }
    return properties
  }

  function isSkip(given: unknown): boolean {
    return prisma.skip !== undefined && given === prisma.skip
  }

  function throughText(given: unknown): Json | undefined {
    try {
      const text: string | undefined = JSON.stringify(given, asText)
      return text === undefined ? undefined : (JSON.parse(text, withoutProto) as Json)
    } catch (error) {
      // A cycle; the error would name the object's keys.
      if (error instanceof TypeError) return refuse()
      throw error
    }
  }

  return top(value)
}

function decimalNumber(decimal: DecimalLike): Json {
  const number = Number(decimal.toFixed())
  return Number.isFinite(number) ? number + 0 : null
}

function asText(_key: string, part: unknown): unknown {
  if (typeof part === 'bigint') return part.toString()
  return ArrayBuffer.isView(part) ? base64(part) : part
}

function withoutProto(key: string, part: unknown): unknown {
  return key === '__proto__' ? undefined : part
}

function base64({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}
