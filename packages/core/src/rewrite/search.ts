import type { BoundValue } from '../envelope/contract.ts'
import { EnvelopeError } from '../errors.ts'
import type { EncryptedField, Model } from './model.ts'
import { isToken } from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'

/**
 * Asks for the token by which `value` is searched.
 *
 * @param equalities what the same condition says of other fields; must hold the scope of a scoped field.
 * @throws EnvelopeError `UNSUPPORTED` where the field is not searchable, its scope is not given, or the value is a token.
 */
export function searchToken(
  model: Model,
  field: EncryptedField,
  value: unknown,
  equalities: ReadonlyMap<string, unknown>,
  rewriting: Rewriting,
  set: (token: string) => void,
): void {
  const { text, scope } = searched(model, field, value, equalities, rewriting)
  rewriting.token(field, text, scope, set)
}

/** {@link searchToken} under all index keys, the current one first. */
export function searchTokens(
  model: Model,
  field: EncryptedField,
  value: unknown,
  equalities: ReadonlyMap<string, unknown>,
  rewriting: Rewriting,
  set: (tokens: readonly string[]) => void,
): void {
  const { text, scope } = searched(model, field, value, equalities, rewriting)
  rewriting.tokens(field, text, scope, set)
}

/** What the token of a searched value is made of. */
function searched(
  model: Model,
  field: EncryptedField,
  value: unknown,
  equalities: ReadonlyMap<string, unknown>,
  rewriting: Rewriting,
): { readonly text: string; readonly scope: readonly BoundValue[] } {
  const { search } = field
  if (search === undefined) {
    throw rewriting.error(
      'UNSUPPORTED',
      "ciphertext can't answer equality: annotate the field `searchable`, or filter after reading",
      model,
      field.name,
    )
  }
  if (isToken(value)) {
    // Its own token would find nothing, and say nothing.
    throw rewriting.error(
      'UNSUPPORTED',
      'is searched by what is a token already: give the value itself. An extension that was applied later, and calls the client that it was ' +
        'applied to, passes on arguments that are rewritten: apply it before this one, and let it call `Prisma.getExtensionContext(this)`',
      model,
      field.name,
    )
  }
  const scope = search.scope.map((name) => scopeValue(model, field, name, equalities, rewriting))
  return { text: searchText(model, field, value, rewriting), scope }
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
  try {
    return rewriting.tools.bind(column, equalities.get(name))
  } catch (error) {
    throw error instanceof EnvelopeError ? error.at({ model: model.name, field: name, operation: rewriting.operation }) : error
  }
}

/**
 * The value as it would be stored. VarChar refuses what is too long, or cuts its spaces, when a value is written, not when it is compared: such a
 * value is searched as it is, and finds nothing.
 */
function searchText(model: Model, field: EncryptedField, value: unknown, rewriting: Rewriting): string {
  try {
    const encoded = field.codec.encode(value)
    if (typeof encoded === 'string') return isCut(field, value, encoded) ? value : encoded
  } catch (error) {
    if (error instanceof EnvelopeError) throw error.at({ model: model.name, field: field.name, operation: rewriting.operation })
    if (typeof value !== 'string' || !isTooLong(error)) throw error
    return value
  }
  throw rewriting.error('INVALID_VALUE', 'expects a string to search for', model, field.name)
}

function isCut(field: EncryptedField, value: unknown, encoded: string): value is string {
  return field.column.native?.name === 'VarChar' && typeof value === 'string' && value.length > encoded.length
}

/** P2000: `value too long for type character varying(n)`. */
function isTooLong(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'P2000'
}
