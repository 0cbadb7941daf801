import type { Json } from '../plan.ts'
import { notOfSyntax, unmapped } from './database-error.ts'
import type { Refusal } from './value-codec.ts'

const LONE_SURROGATE = /\p{Surrogate}/u
const SURROGATE = /[\ud800-\udfff]/

/** What a `jsonb` column makes of a value: keys by length in bytes, then bytewise; no U+0000 and no lone surrogate anywhere. */
export function toJsonb(value: Json, refusal: Refusal): Json {
  if (typeof value === 'string') return checked(value, refusal)
  if (typeof value !== 'object' || value === null) return value
  if (isArray(value)) return value.map((element) => toJsonb(element, refusal))
  const sorted: Record<string, Json> = {}
  for (const key of Object.keys(value).sort(inOrderOfJsonb)) sorted[checked(key, refusal)] = toJsonb(value[key] as Json, refusal)
  return sorted
}

function checked(text: string, refusal: Refusal): string {
  if (text.includes('\0')) return refusal.byDatabase(unmapped('22P05', 'unsupported Unicode escape sequence'))
  return LONE_SURROGATE.test(text) ? refusal.byDatabase(notOfSyntax('json')) : text
}

function inOrderOfJsonb(a: string, b: string): number {
  const longer = Buffer.byteLength(a) - Buffer.byteLength(b)
  if (longer !== 0) return longer
  // UTF-16 sorts as UTF-8 does, surrogates apart.
  return SURROGATE.test(a) || SURROGATE.test(b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : a < b ? -1 : 1
}

/** Unlike `Array.isArray`, narrows read-only arrays too. */
export function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
