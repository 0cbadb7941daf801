import type { KeyStoreField } from 'prisma-envelope/plan'
import { annotationsIn } from '../annotation/syntax.ts'
import { columnPlan } from '../plan/column.ts'
import { type Field, fieldOf, isView, type Model, primaryKeyOf, type Schema } from '../plan/dmmf.ts'
import type { Report } from '../problems.ts'

interface Shape {
  readonly type: 'String' | 'Int' | 'Json' | 'DateTime'
  readonly optional?: true
  /** `now()` of `@default`. */
  readonly now?: true
}

/** What the extension reads and writes, in the order of the model that the messages print. */
const SHAPES: Readonly<Record<KeyStoreField, Shape>> = {
  id: { type: 'String' },
  kid: { type: 'String' },
  table: { type: 'String' },
  context: { type: 'Json' },
  contextDigest: { type: 'String' },
  generation: { type: 'Int' },
  wrapped: { type: 'String', optional: true },
  createdAt: { type: 'DateTime', now: true },
  erasedAt: { type: 'DateTime', optional: true },
}

export const KEY_STORE_FIELDS = Object.keys(SHAPES) as readonly KeyStoreField[]

const UNIQUE: readonly string[] = ['kid', 'table', 'contextDigest', 'generation']

/** Types of PostgreSQL that hold every value of the field as it was written. */
const NATIVE: Readonly<Record<Shape['type'], readonly string[]>> = {
  String: ['Text'],
  Int: ['Integer'],
  Json: ['JsonB'],
  DateTime: ['Timestamp', 'Timestamptz'],
}

/** Refuses a model marked `@envelopeKeys` that the extension could not keep its keys in. */
export function checkKeyStore(schema: Schema, model: Model, report: Report): void {
  let isRefused = false
  const refuse = (field: string | undefined, message: string) => {
    // The whole model once: several messages would repeat it.
    report.refuse({ model: model.name, field }, isRefused ? message : `${message}.\nThe model to paste:\n${pasted(model)}`)
    isRefused = true
  }
  if (isView(schema, model)) refuse(undefined, 'a view holds no keys; put @envelopeKeys above a model')
  for (const name of KEY_STORE_FIELDS) {
    const field = fieldOf(model, name)
    const misfit = field === undefined ? `the key store needs the field ${declared(name)}` : misfitOf(name, field)
    if (misfit !== undefined) refuse(name, misfit)
  }
  if (primaryKeyOf(model).join() !== 'id' && fieldOf(model, 'id') !== undefined)
    refuse('id', 'envelopes name a key by its id; write id String @id')
  for (const field of model.fields) {
    if (isEncrypted(field))
      refuse(field.name, 'the key store is read without keys, so it has no encrypted fields; remove the annotation')
    if (!(field.name in SHAPES)) {
      const misfit = extraMisfit(schema, model, field)
      if (misfit !== undefined) refuse(field.name, misfit)
    }
  }
  checkUniques(model, refuse)
  const indexes = schema.datamodel.indexes.filter((index) => index.model === model.name && index.type === 'normal')
  if (!indexes.some(({ fields }) => fields[0]?.name === 'contextDigest'))
    refuse(undefined, 'the keys of a context are looked for by its digest; add @@index([contextDigest])')
}

function checkUniques(model: Model, refuse: (field: string | undefined, message: string) => void): void {
  const isSame = (fields: readonly string[]) => [...fields].sort().join() === [...UNIQUE].sort().join()
  if (!model.uniqueFields.some(isSame))
    refuse(undefined, `of several processes that make a key at once, one must win; add @@unique([${UNIQUE.join(', ')}])`)
  for (const fields of model.uniqueFields)
    if (!isSame(fields)) refuse(undefined, `@@unique([${fields.join(', ')}]) would refuse keys; remove it`)
  for (const field of model.fields) if (field.isUnique) refuse(field.name, '@unique would refuse keys; remove it')
}

function misfitOf(name: KeyStoreField, field: Field): string | undefined {
  const { type, optional, now } = SHAPES[name]
  const wanted = `write ${declared(name)}`
  if (field.kind !== 'scalar' || field.type !== type || field.isList) return `it must be ${type}; ${wanted}`
  if (field.isRequired === (optional === true)) return `it must be ${optional ? 'optional' : 'required'}; ${wanted}`
  const [native] = field.nativeType ?? []
  if (native !== undefined && !NATIVE[type].includes(native))
    return `@db.${native} does not keep every value as it is; remove it (or write @db.${NATIVE[type].join(' or @db.')})`
  const value: unknown = field.default
  const isNow = typeof value === 'object' && value !== null && 'name' in value && value.name === 'now'
  if (now ? !isNow : field.hasDefaultValue) return `${now ? 'its default is now()' : 'it has no @default'}; ${wanted}`
  if (field.isUpdatedAt) return `nothing is written at each update; ${wanted}`
  return undefined
}

/** The extension and the CLI insert rows without it, the CLI without Prisma Client. */
function extraMisfit(schema: Schema, model: Model, field: Field): string | undefined {
  if (field.kind === 'object')
    return 'the key store has no relations: a cascade must not delete keys; remove it, or keep a plain column'
  if (field.kind === 'unsupported' || field.isList || !field.isRequired) return undefined
  const { default: value } = columnPlan(schema, model, field)
  if (value !== undefined && (value.kind !== 'client' || value.generator === 'now')) return undefined
  return 'keys are written without this field; make it optional, or give it a default of the database'
}

function isEncrypted(field: Field): boolean {
  try {
    return annotationsIn(field.documentation ?? '').length > 0
  } catch {
    return false
  }
}

function declared(name: KeyStoreField): string {
  const { type, optional, now } = SHAPES[name]
  return `${name} ${type}${optional ? '?' : ''}${name === 'id' ? ' @id' : ''}${now ? ' @default(now())' : ''}`
}

function pasted({ name, dbName }: Model): string {
  return [
    '/// @envelopeKeys',
    `model ${name} {`,
    ...KEY_STORE_FIELDS.map((field) => `  ${declared(field)}`),
    '',
    `  @@unique([${UNIQUE.join(', ')}])`,
    '  @@index([contextDigest])',
    ...(dbName === null ? [] : [`  @@map(${JSON.stringify(dbName)})`]),
    '}',
  ].join('\n')
}
