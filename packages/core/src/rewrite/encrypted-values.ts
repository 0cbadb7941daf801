import type { BoundValue } from '../envelope/contract.ts'
import { EnvelopeError } from '../errors.ts'
import type { Json } from '../plan.ts'
import { givenValue } from './binding.ts'
import { isFieldReference, isInput } from './input.ts'
import type { EncryptedField, Model, Sealing } from './model.ts'
import { isToken } from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'
import { isMarkAgain } from './unreadable.ts'

/** Encrypted fields of one row, encoded; by field, in the plan's order. */
export type EncodedValues = ReadonlyMap<EncryptedField, Json>

/** Names of the fields that have a value here. */
export function namesOf(values: EncodedValues): readonly string[] {
  return Array.from(values.keys(), ({ name }) => name)
}

const ARITHMETIC = ['increment', 'decrement', 'multiply', 'divide', 'push', 'unset']

/**
 * Encodes the encrypted fields that `data` gives and that are written sealed; what is absent is absent from the result. The others are for Prisma to
 * judge, but for what needs the old value: it may be sealed.
 *
 * @throws EnvelopeError `ENVELOPE_INPUT` where `data` names the envelope, `UNSUPPORTED` for arithmetic, `INVALID_VALUE` for a value of another type;
 * Prisma's own error for a value that PostgreSQL would have refused.
 */
export function encodeValues(
  model: Model,
  sealing: Sealing,
  data: Readonly<Record<string, unknown>>,
  rewriting: Rewriting,
): EncodedValues {
  if (!rewriting.isAbsent(data[sealing.field])) {
    throw rewriting.error('ENVELOPE_INPUT', 'the envelope is written by the extension alone; leave it out', model, sealing.field)
  }
  const values = new Map<EncryptedField, Json>()
  for (const field of sealing.encrypted) {
    if (rewriting.isAbsent(data[field.name])) continue
    const value = plainValue(model, field, data[field.name], rewriting)
    if (field.mode === 'plain') refuseToken(model, field, value, rewriting)
    else if (!rewriting.isAbsent(value)) values.set(field, encode(model, field, value, rewriting))
  }
  return values
}

function plainValue(model: Model, field: EncryptedField, given: unknown, rewriting: Rewriting): unknown {
  if (isMarkAgain(given) || (isInput(given) && isMarkAgain(given['set']))) {
    throw rewriting.error(
      'INVALID_VALUE',
      'the value was not readable when its row was read, and would be lost: leave the field out, or give another value',
      model,
      field.name,
    )
  }
  if (field.column.type === 'Json' && field.column.list !== true) return given
  if (isFieldReference(given))
    throw rewriting.error('UNSUPPORTED', "an encrypted field can't take another column's value", model, field.name)
  const value = givenValue(given)
  if (value === given && isInput(given)) {
    const operator = Object.keys(given).find((key) => ARITHMETIC.includes(key))
    if (operator !== undefined) {
      throw rewriting.error(
        'UNSUPPORTED',
        `\`${operator}\` can't work on ciphertext: read the value, change it and write it`,
        model,
        field.name,
      )
    }
  }
  return value
}

/** In the clear it would pass for what stands in place of a value. */
function refuseToken(model: Model, field: EncryptedField, value: unknown, rewriting: Rewriting): void {
  if (field.search === undefined || !isToken(value)) return
  throw rewriting.error('UNSUPPORTED', 'is given what is a search token: give the value itself', model, field.name)
}

function encode(model: Model, field: EncryptedField, value: unknown, rewriting: Rewriting): Json {
  // Prisma's types forbid a bare null in a Json field; at run time it stores JSON null.
  const bareNull = value === null && field.column.type === 'Json' && field.column.list !== true
  try {
    return field.codec.encode(bareNull ? rewriting.tools.prisma.JsonNull : value)
  } catch (error) {
    throw error instanceof EnvelopeError
      ? error.at({ model: model.name, field: field.name, operation: rewriting.operation })
      : error
  }
}

/** Puts what the columns hold in place of the values: the placeholder or the token; a null stays as the caller gave it. */
export function replaceValues(
  data: Record<string, unknown>,
  values: EncodedValues,
  scopeOf: (field: EncryptedField) => readonly BoundValue[],
  rewriting: Rewriting,
): void {
  for (const [field, value] of values) {
    if (value === null) continue
    // Before the token is there, too, the value must be gone.
    data[field.name] = field.codec.placeholder
    if (field.search !== undefined && typeof value === 'string') {
      rewriting.token(field, value, scopeOf(field), (token) => {
        data[field.name] = token
      })
    }
  }
}

/** The bound values that scope a field's token, in the annotation's order. */
export function scopeFrom(sealing: Sealing, binding: readonly BoundValue[]): (field: EncryptedField) => readonly BoundValue[] {
  return ({ search }) =>
    (search?.scope ?? []).flatMap((name) => {
      const at = sealing.bound.findIndex((bound) => bound.name === name)
      const value = binding[at]
      return value === undefined ? [] : [value]
    })
}
