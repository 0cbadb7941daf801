import { givenValue } from '../binding.ts'
import { type Input, isInput, listOf } from '../input.ts'
import type { Model, Relation } from '../model.ts'
import { toOneUpdate } from '../nested-writes.ts'
import type { Rewriting } from '../rewriting.ts'
import { requireUnique } from '../row-key.ts'

/** How a row is reached: by a relation of the row that it stands below, which its own data can't name again. */
type Via = Relation | undefined

const CREATING: ReadonlySet<string> = new Set(['create', 'connect', 'connectOrCreate', 'createMany'])

/**
 * Throws for data that Prisma would refuse before it writes anything: where an operation is done in steps, it is seen as a whole only here. Of
 * values, only null is looked at.
 *
 * @throws EnvelopeError `INVALID_VALUE`
 */
export function validateUpdate(model: Model, data: unknown, rewriting: Rewriting, via?: Via): void {
  const input = object(model, 'data', data, rewriting)
  validateFields(model, input, rewriting, via)
  for (const { relation, operation, argument } of writesIn(model, input, rewriting)) {
    if (operation === 'createMany' && !takesMany(relation)) throw unknown(model, relation.name, operation, rewriting)
    validateWrite(relation, operation, argument, rewriting)
  }
}

/** {@link validateUpdate} for the data of a new row, which must also be complete. */
export function validateCreate(model: Model, data: unknown, rewriting: Rewriting, via?: Via): void {
  const input = object(model, 'create', data, rewriting)
  validateFields(model, input, rewriting, via)
  for (const { relation, operation, argument } of writesIn(model, input, rewriting)) {
    if (!CREATING.has(operation) || (operation === 'createMany' && !takesMany(relation))) {
      throw unknown(model, relation.name, operation, rewriting)
    }
    validateWrite(relation, operation, argument, rewriting)
  }
  const linked = foreignKeyOf(model, via)
  for (const [name, column] of Object.entries(model.plan.columns)) {
    if (column.required !== true || column.default !== undefined || column.updatedAt === true || linked.includes(name)) continue
    const through = [...model.relations.values()].filter(({ plan }) => plan.from.includes(name))
    if (rewriting.isAbsent(input[name]) && through.every((relation) => rewriting.isAbsent(input[relation.name]))) {
      throw rewriting.error('INVALID_VALUE', 'a new row needs this field', model, name)
    }
  }
}

/** Throws for conditions that are none: read as no condition at all, they would be met by every row. */
export function validateWhere(model: Model, where: unknown, rewriting: Rewriting): void {
  if (!rewriting.isAbsent(where)) object(model, 'where', where, rewriting)
}

interface Write {
  readonly relation: Relation
  readonly operation: string
  readonly argument: unknown
}

function writesIn(model: Model, data: Input, rewriting: Rewriting): readonly Write[] {
  return [...model.relations.values()].flatMap((relation) => {
    const write = data[relation.name]
    if (rewriting.isAbsent(write)) return []
    return Object.entries(object(model, relation.name, write, rewriting)).flatMap(([operation, argument]) =>
      rewriting.isAbsent(argument) ? [] : [{ relation, operation, argument }],
    )
  })
}

function validateFields(model: Model, data: Input, rewriting: Rewriting, via: Via): void {
  const given = Object.keys(data).filter((name) => !rewriting.isAbsent(data[name]))
  const linked = foreignKeyOf(model, via)
  for (const name of given) {
    const known = Object.hasOwn(model.plan.columns, name) || model.relations.has(name)
    if (!known || name === via?.plan.opposite || linked.includes(name)) throw unknownField(model, name, rewriting)
  }
  const nulled = given.find((name) => isRequired(model, name) && givenValue(data[name]) === null)
  if (nulled !== undefined) throw rewriting.error('INVALID_VALUE', 'null is no value of this field', model, nulled)
  // Foreign keys and relations that hold them are two forms of input, of which Prisma takes one.
  const byRelation = given.some((name) => (model.relations.get(name)?.plan.from.length ?? 0) > 0)
  const keys = new Set([...model.relations.values()].flatMap(({ plan }) => plan.from))
  const byKey = given.find((name) => isForeignKeyOnly(model, name, keys))
  if (byRelation && byKey !== undefined) {
    throw rewriting.error('INVALID_VALUE', 'a foreign key and a relation that holds one can not be given together', model, byKey)
  }
}

/** Fields that never are null, also where Prisma takes null for another value. */
function isRequired({ plan }: Model, name: string): boolean {
  const column = Object.hasOwn(plan.columns, name) ? plan.columns[name] : undefined
  return column?.required === true && column.type !== 'Json'
}

/** Fields of the form without relations: foreign keys, and keys that only the database knows. */
function isForeignKeyOnly({ plan }: Model, name: string, keys: ReadonlySet<string>): boolean {
  return keys.has(name) || (plan.columns[name]?.default?.kind === 'database' && plan.columns[name]?.type === 'Int')
}

function foreignKeyOf(model: Model, via: Via): readonly string[] {
  return via === undefined ? [] : (model.relations.get(via.plan.opposite)?.plan.from ?? [])
}

function takesMany({ plan, opposite }: Relation): boolean {
  return plan.list === true && opposite.from.length > 0
}

function validateWrite(relation: Relation, operation: string, argument: unknown, rewriting: Rewriting): void {
  const { model, plan } = relation
  const list = plan.list === true
  const each = (check: (input: Input) => void): void => {
    if (!list && Array.isArray(argument)) throw invalid(model, operation, rewriting)
    for (const item of listOf(argument)) check(object(model, operation, item, rewriting))
  }
  const unique = (where: unknown): void => requireUnique(model, where, operation, rewriting)
  switch (operation) {
    case 'create':
      return each((data) => validateCreate(model, data, rewriting, relation))
    case 'createMany':
      for (const row of listOf(object(model, operation, argument, rewriting)['data'])) {
        validateCreate(model, row, rewriting, relation)
      }
      return
    case 'connect':
      return each(unique)
    case 'connectOrCreate':
      return each(({ where, create }) => {
        unique(where)
        validateCreate(model, create, rewriting, relation)
      })
    case 'update':
      return each((input) => {
        const { where, data } = list ? { where: input['where'], data: input['data'] } : toOneUpdate(relation, input, rewriting)
        if (list) unique(where)
        validateWhere(model, where, rewriting)
        validateUpdate(model, data, rewriting, relation)
      })
    case 'upsert':
      return each(({ where, create, update }) => {
        if (list) unique(where)
        validateWhere(model, where, rewriting)
        validateCreate(model, create, rewriting, relation)
        validateUpdate(model, update, rewriting, relation)
      })
    case 'set':
    case 'updateMany':
    case 'deleteMany':
      if (!list) throw unknown(model, relation.name, operation, rewriting)
      if (operation === 'set') each(unique)
      // Unlike a top-level one, a nested `updateMany` must have conditions.
      if (operation === 'updateMany') each(({ where }) => void object(model, 'where', where, rewriting))
      return
    case 'disconnect':
    case 'delete':
      if (list) each(unique)
      return
    default:
      throw unknown(model, relation.name, operation, rewriting)
  }
}

function object(model: Model, name: string, value: unknown, rewriting: Rewriting): Input {
  if (isInput(value)) return value
  throw invalid(model, name, rewriting)
}

function invalid(model: Model, name: string, rewriting: Rewriting): Error {
  return rewriting.error('INVALID_VALUE', `\`${name}\` must be an object, as Prisma's types say`, model)
}

function unknown(model: Model, field: string, operation: string, rewriting: Rewriting): Error {
  return rewriting.error('INVALID_VALUE', `Prisma has no \`${operation}\` here`, model, field)
}

export function unknownField(model: Model, field: string, rewriting: Rewriting): Error {
  return rewriting.error('INVALID_VALUE', 'Prisma has no such field here', model, field)
}
