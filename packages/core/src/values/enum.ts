import type { Json } from '../plan.ts'
import type { Refusal, ValueCodec } from './value-codec.ts'

/**
 * The record holds the database's name of the value, so that renaming it in the Prisma schema alone changes nothing.
 *
 * @param values Prisma's name of each value to the database's
 */
export function compileEnum(values: Readonly<Record<string, string>>, refusal: Refusal): ValueCodec<string> {
  const stored = new Map<unknown, string>(Object.entries(values))
  const names = new Map<Json, string>(Object.entries(values).map(([name, database]) => [database, name]))
  const expected = `one of ${[...stored.keys()].join(', ')} (enum)`
  return {
    expected,
    encode: (value) => stored.get(value) ?? refusal.wrongType(expected),
    decode: (json) => names.get(json),
  }
}
