import type { BoundTag } from '../envelope/contract.ts'
import { EnvelopeError } from '../errors.ts'
import type { ColumnPlan } from '../plan.ts'
import type { Bind } from './contract.ts'
import { plainInput } from './input.ts'
import { compileKeyable, type KeyableColumn } from './scalar.ts'
import type { Refusal } from './value-codec.ts'

interface Binding {
  readonly tag: BoundTag
  /** The canonical text of a value that is not null. */
  readonly text: (value: unknown) => string
}

const compiled = new WeakMap<ColumnPlan, Binding>()

/**
 * The canonical form of a bound column's value: the same whether the value is an application's input or what Prisma read back.
 *
 * @throws EnvelopeError `UNSUPPORTED` for columns whose returned form can't be known from an input, `INVALID_VALUE` for a value that the column
 * can't hold. Neither names model and field, which the caller knows.
 */
export const bindValue: Bind = (column, value) => {
  const { tag, text } = bindingOf(column)
  const given = plainInput(value)
  return { column: column.column, tag, value: given === null ? null : text(given) }
}

function bindingOf(column: ColumnPlan): Binding {
  const known = compiled.get(column)
  if (known !== undefined) return known
  const binding = compileBinding(column)
  compiled.set(column, binding)
  return binding
}

const TAGS: Readonly<Record<KeyableColumn['type'], BoundTag>> = {
  String: 's',
  Int: 'i',
  BigInt: 'i',
  Boolean: 'b',
  DateTime: 't',
  Enum: 'e',
}

/** Native types that return something else than they were given, by rules of their own. */
const UNKNOWABLE = new Set(['Bit', 'VarBit', 'Xml', 'Inet', 'Money', 'Oid', 'Timetz'])

function compileBinding({ type, native, values = {}, list }: ColumnPlan): Binding {
  if (list === true || !isKeyable(type) || (native !== undefined && UNKNOWABLE.has(native.name))) {
    const described = `${type}${list === true ? '[]' : ''}${native === undefined ? '' : ` @db.${native.name}`}`
    throw new EnvelopeError(
      'UNSUPPORTED',
      `a row can't be bound to a column of type ${described}: take it out of \`bind\` or \`scope\``,
    )
  }
  const { encode } = compileKeyable({ type, native, values }, refusal)
  // 24:00:00, which rounding can give, comes back as the next day's midnight and is written again as 00:00:00.
  if (native?.name === 'Time') return { tag: 't', text: (value) => String(encode(value)).replace('1970-01-02', '1970-01-01') }
  if (native?.name === 'Date') return { tag: 'd', text: (value) => dateOf(String(encode(value))) }
  return { tag: native?.name === 'Uuid' ? 'u' : TAGS[type], text: (value) => String(encode(value)) }
}

function isKeyable(type: ColumnPlan['type']): type is KeyableColumn['type'] {
  return Object.hasOwn(TAGS, type)
}

/** The date of an ISO string of any year. */
function dateOf(instant: string): string {
  return instant.replace(/T.*$/, '')
}

const refusal: Refusal = {
  wrongType(expected) {
    throw new EnvelopeError('INVALID_VALUE', `the value is not of the column's type: give ${expected}`)
  },
  byDatabase({ message }) {
    throw new EnvelopeError('INVALID_VALUE', `the column can't hold the value (${message}): give one that fits its type`)
  },
}
