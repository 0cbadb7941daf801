import { EnvelopeError } from '../errors.ts'
import type { Json } from '../plan.ts'
import type { CompileCodec, FieldCodec } from './contract.ts'
import { knownRequestError } from './database-error.ts'
import { nullName, plainInput } from './input.ts'
import { compileList } from './list.ts'
import { compileScalar } from './scalar.ts'
import type { Refusal, ValueCodec } from './value-codec.ts'

/**
 * Compiles a field's codec. See {@link FieldCodec} for what it throws.
 *
 * @throws EnvelopeError `CONFIG` where the plan's placeholder is not a value of the column
 */
export const compileCodec: CompileCodec = (model, field, column, prisma): FieldCodec => {
  const refusal: Refusal = {
    wrongType(expected) {
      throw new EnvelopeError('INVALID_VALUE', `the value is not of the field's type: give ${expected}`, { model, field })
    },
    byDatabase(error) {
      throw knownRequestError(prisma, { model, field, column: column.column }, error)
    },
  }
  const isJson = column.type === 'Json'
  const prepare = isJson ? (value: unknown) => value : plainInput
  const scalar = compileScalar(column, prisma, refusal)
  const values = column.list === true ? compileList(scalar, prepare, refusal) : scalar

  return {
    encode: column.list === true ? (value) => values.encode(plainInput(value)) : isJson ? encodeJson : encodeScalar,
    decode,
    ...placeholderOf(),
  }

  function encodeScalar(value: unknown): Json {
    const given = plainInput(value)
    return given === null ? null : values.encode(given)
  }

  function encodeJson(value: unknown): Json {
    return value === null || nullName(value) === 'DbNull' ? null : values.encode(value)
  }

  function decode(json: Json): unknown {
    // Prisma reads a NULL list as an empty one.
    if (json === null) return column.list === true ? [] : null
    const value = values.decode(json)
    if (value === undefined) {
      throw new EnvelopeError('CANNOT_OPEN', "the sealed record holds something else than the field's type", { model, field })
    }
    return value
  }

  function placeholderOf(): Pick<FieldCodec, 'placeholder' | 'isPlaceholder'> {
    if (column.encrypted === undefined) return { placeholder: undefined, isPlaceholder: () => false }
    const stored = column.list === true ? [] : column.encrypted.placeholder
    const decoded = stored === null ? undefined : values.decode(stored)
    const placeholder = isJson && decoded === null ? prisma.JsonNull : decoded
    try {
      return { placeholder, isPlaceholder: compileComparison(values, placeholder) }
    } catch {
      throw new EnvelopeError('CONFIG', "the plan's placeholder is no value of the column: run `prisma generate` again", {
        model,
        field,
      })
    }
  }
}

/** Compares with the placeholder as the column gives it back: padded by Char, rounded by Decimal, cut to its time by Time. */
function compileComparison(values: ValueCodec, placeholder: unknown): (value: unknown) => boolean {
  const returned = values.decode(values.encode(placeholder))
  const { same } = values
  return same === undefined ? (value) => value === returned : (value) => same(value, returned)
}
