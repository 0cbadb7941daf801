import type { ColumnPlan, DefaultPlan, Json, ScalarType } from 'prisma-envelope/plan'
import type { Value } from '../annotation/syntax.ts'
import { numbersOfDefault } from '../schema-text.ts'
import { type Field, type Model, type Schema, sourceOf } from './dmmf.ts'
import { type Encoded, encodeLiteral } from './literal.ts'

/** A scalar or enum field, without its encryption. */
export function columnPlan(schema: Schema, model: Model, field: Field): ColumnPlan {
  const typed = {
    type: (field.kind === 'enum' ? 'Enum' : field.type) as ScalarType,
    ...(field.isList ? { list: true as const } : {}),
    ...(field.nativeType ? { native: { name: field.nativeType[0], args: field.nativeType[1].map(Number) } } : {}),
    ...(field.kind === 'enum' ? { values: enumValues(schema, field.type) } : {}),
  }
  const value = defaultPlan(schema, model, field, typed)
  return {
    column: field.dbName ?? field.name,
    ...typed,
    ...(field.isRequired && !field.isList ? { required: true as const } : {}),
    ...(value === undefined ? {} : { default: value }),
    ...(field.isUpdatedAt ? { updatedAt: true as const } : {}),
  }
}

function enumValues(schema: Schema, name: string): Readonly<Record<string, string>> {
  const values = schema.datamodel.enums.find((candidate) => candidate.name === name)?.values ?? []
  return Object.fromEntries(values.map((value) => [value.name, value.dbName ?? value.name]))
}

type Typed = Pick<ColumnPlan, 'type' | 'list' | 'values'>

function defaultPlan(schema: Schema, model: Model, field: Field, typed: Typed): DefaultPlan | undefined {
  const { default: value } = field
  if (!field.hasDefaultValue || value === undefined) return undefined
  if (isFunction(value)) return clientDefault(value.name, value.args) ?? { kind: 'database' }
  const encoded = literalDefault(typed, value, sourceOf(schema, model, field.name))
  return encoded === undefined ? { kind: 'database' } : { kind: 'literal', value: encoded }
}

/** Whether `@default` calls a function, which an encrypted field can't have. */
export function hasFunctionDefault(field: Field): boolean {
  return field.hasDefaultValue && isFunction(field.default)
}

interface FunctionCall {
  readonly name: string
  readonly args: readonly (string | number)[]
}

function isFunction(value: Field['default']): value is FunctionCall {
  return typeof value === 'object' && 'name' in value
}

/** What Prisma Client generates itself, before the insert. */
function clientDefault(name: string, [argument]: readonly (string | number)[]): DefaultPlan | undefined {
  switch (name) {
    case 'uuid':
      return argument === undefined || argument === 4 ? client('uuid4') : argument === 7 ? client('uuid7') : undefined
    case 'cuid':
      return argument === undefined || argument === 1 ? client('cuid1') : argument === 2 ? client('cuid2') : undefined
    case 'ulid':
    case 'now':
      return client(name)
    case 'nanoid':
      return typeof argument === 'number' ? { kind: 'client', generator: 'nanoid', length: argument } : client('nanoid')
    default:
      return undefined
  }
}

function client(generator: Extract<DefaultPlan, { kind: 'client' }>['generator']): DefaultPlan {
  return { kind: 'client', generator }
}

/** The default in the record encoding; `undefined` where the schema's text does not tell it exactly. */
function literalDefault(typed: Typed, value: unknown, source: string): Json | undefined {
  const elements: readonly unknown[] = Array.isArray(value) ? value : [value]
  // DMMF rounds decimals to a double.
  const decimals = typed.type === 'Decimal' ? numbersOfDefault(source) : undefined
  if (decimals !== undefined && decimals.length !== elements.length) return undefined
  const encoded = elements.map((element, at) => encodeDefault(typed, decimals?.[at] ?? element))
  const values = encoded.flatMap((one) => (one !== undefined && 'value' in one ? [one.value] : []))
  if (values.length !== elements.length) return undefined
  if (!typed.list) return values[0]
  return typed.type === 'Json' ? values.flatMap((one) => (Array.isArray(one) ? [one[0] as Json] : [])) : values
}

function encodeDefault(typed: Typed, element: unknown): Encoded | undefined {
  if (typed.type === 'Json') return { value: [JSON.parse(String(element)) as Json] }
  return encodeLiteral(typed, literalOf(typed.type, element))
}

function literalOf(type: ScalarType, element: unknown): Value {
  const kind = ['Int', 'BigInt', 'Float', 'Decimal'].includes(type)
    ? 'number'
    : ['Boolean', 'Enum'].includes(type)
      ? 'name'
      : 'string'
  return { kind, text: String(element), offset: 0 }
}
