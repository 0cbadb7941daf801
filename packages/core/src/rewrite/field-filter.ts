import { emptyInput, type Input, isFieldReference, isInput } from './input.ts'
import type { EncryptedField, Model } from './model.ts'
import type { Rewriting } from './rewriting.ts'
import { searchToken } from './search.ts'

/** Stands for a token until it is computed, and is none: the value itself must be gone by then. */
export const PENDING = '~'

/** A searchable field that every row found must equal: its token is one of `tokens`. */
export interface Expectation {
  readonly field: EncryptedField
  readonly tokens: readonly string[]
}

/** One level of conditions: all that stand in it hold for the same row. */
export interface Level {
  readonly model: Model
  /** Fields that the row must equal by this level or one around it: the values of a token's scope. */
  readonly equalities: ReadonlyMap<string, unknown>
  readonly rewriting: Rewriting
  /** Receives what every row found must equal; absent below `OR`, `NOT` and relations. */
  readonly expectations: Expectation[] | undefined
  /** Keys of this level by which Prisma looks up one row: each takes one form of a value, the one that this client writes. */
  readonly lookedUp?: ReadonlySet<string>
}

/** Rewrites what a condition says of one encrypted field whose values have one form. */
export function rewriteFilter(out: Record<string, unknown>, field: EncryptedField, value: unknown, level: Level): void {
  const { rewriting } = level
  if (isSqlNull(value, rewriting)) return
  if (field.column.list === true) throw unanswerable(field, 'filters on an encrypted list', level)
  if (isFieldReference(value)) throw unanswerable(field, 'a comparison with another column', level)
  if (!isInput(value)) {
    rewriteEquality(field, value, level, (token) => {
      out[field.name] = token
    })
    return
  }
  out[field.name] = rewriteFilterObject(field, value, level, level.expectations !== undefined)
}

function rewriteFilterObject(field: EncryptedField, filter: Input, level: Level, certain: boolean): Input {
  const { rewriting } = level
  const inner: Level = certain ? level : { ...level, expectations: undefined }
  const out = emptyInput()
  for (const [key, value] of Object.entries(filter)) {
    if (rewriting.isAbsent(value)) {
      out[key] = value
    } else if (key === 'mode') {
      if (value === 'insensitive' && field.search?.normalize.includes('lowercase') !== true) {
        throw unanswerable(field, "`mode: 'insensitive'` without `normalize: [lowercase]` in its annotation", level)
      }
    } else if (key === 'equals' || key === 'not') {
      rewriteComparison(out, key, field, value, inner)
    } else if ((key === 'in' || key === 'notIn') && field.search !== undefined) {
      if (Array.isArray(value)) out[key] = rewriteList(field, key, value, inner)
      // Prisma refuses anything but a list, in a message that must not hold the value.
      else rewriteComparison(out, key, field, value, inner)
    } else {
      throw unanswerable(field, `\`${key}\``, level)
    }
  }
  return out
}

function rewriteComparison(
  out: Record<string, unknown>,
  key: 'equals' | 'not' | 'in' | 'notIn',
  field: EncryptedField,
  value: unknown,
  level: Level,
): void {
  out[key] = value
  if (isSqlNull(value, level.rewriting)) return
  if (isFieldReference(value)) throw unanswerable(field, 'a comparison with another column', level)
  if (key === 'not' && isInput(value)) {
    out[key] = rewriteFilterObject(field, value, level, false)
    return
  }
  const certain = key === 'equals' ? level : { ...level, expectations: undefined }
  rewriteEquality(field, value, certain, (token) => {
    out[key] = token
  })
}

function rewriteEquality(field: EncryptedField, value: unknown, level: Level, set: (token: string) => void): void {
  const tokens: string[] = []
  level.expectations?.push({ field, tokens })
  set(PENDING)
  searchToken(level.model, field, value, level.equalities, level.rewriting, (token) => {
    tokens.push(token)
    set(token)
  })
}

function rewriteList(field: EncryptedField, key: 'in' | 'notIn', values: readonly unknown[], level: Level): readonly unknown[] {
  const tokens: string[] = []
  if (key === 'in') level.expectations?.push({ field, tokens })
  const out: unknown[] = [...values]
  values.forEach((item, i) => {
    if (item === null || item === undefined) return
    out[i] = PENDING
    searchToken(level.model, field, item, level.equalities, level.rewriting, (token) => {
      out[i] = token
      tokens.push(token)
    })
  })
  return out
}

export function isSqlNull(value: unknown, rewriting: Rewriting): boolean {
  return value === null || value === rewriting.tools.prisma.DbNull
}

export function unanswerable(field: EncryptedField, what: string, { model, rewriting }: Level): Error {
  const way =
    field.search === undefined
      ? 'only null can be asked for; annotate it `searchable` for equality, or filter after reading'
      : 'only `equals`, `in`, `notIn`, `not` and null can be asked for; filter the rest after reading'
  return rewriting.error('UNSUPPORTED', `ciphertext can't answer ${what}: ${way}`, model, field.name)
}
