import type { BoundValue } from '../envelope/contract.ts'
import { EnvelopeError } from '../errors.ts'
import type { EncryptedField, Model } from './model.ts'
import type { Rewriting } from './rewriting.ts'

/**
 * Asks for the token by which `value` is searched.
 *
 * @param equalities what the same condition says of other fields; must hold the scope of a scoped field.
 * @throws EnvelopeError `UNSUPPORTED` where the field is not searchable, or its scope is not given.
 */
export function searchToken(
  model: Model,
  field: EncryptedField,
  value: unknown,
  equalities: ReadonlyMap<string, unknown>,
  rewriting: Rewriting,
  set: (token: string) => void,
): void {
  const { search } = field
  if (search === undefined) {
    throw rewriting.error(
      'UNSUPPORTED',
      "ciphertext can't answer equality: annotate the field `searchable`, or filter after reading",
      model,
      field.name,
    )
  }
  const scope = search.scope.map((name) => scopeValue(model, field, name, equalities, rewriting))
  rewriting.token(field, searchText(field, value), scope, set)
}

function scopeValue(
  model: Model,
  field: EncryptedField,
  name: string,
  equalities: ReadonlyMap<string, unknown>,
  rewriting: Rewriting,
): BoundValue {
  const column = model.plan.columns[name]
  if (column === undefined || !equalities.has(name)) {
    throw rewriting.error(
      'UNSUPPORTED',
      `its tokens are scoped by ${name}: give ${name} as an equality beside it in the same \`where\``,
      model,
      field.name,
    )
  }
  return rewriting.tools.bind(column, equalities.get(name))
}

/** The value as it would be stored; one that could never be stored is searched as it is, and finds nothing. */
function searchText(field: EncryptedField, value: unknown): string {
  try {
    const encoded = field.codec.encode(value)
    if (typeof encoded === 'string') return encoded
  } catch (error) {
    if (error instanceof EnvelopeError || typeof value !== 'string' || !isTooLong(error)) throw error
    return value
  }
  throw new EnvelopeError('INVALID_VALUE', 'expects a string to search for', { field: field.name })
}

/** PostgreSQL refuses a value too long for its column when it is written (P2000), not when it is compared. */
function isTooLong(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'P2000'
}
