import fc from 'fast-check'
import { MODELS, type ModelName, type RelationShape } from './models.ts'
import { type Args, oneOf, oneOrMore, oneOrTwoOf, shaped, some } from './values.ts'

type ArgsArbitrary = fc.Arbitrary<Args>

/** Merges what several arbitraries give. */
function joined(...parts: readonly ArgsArbitrary[]): ArgsArbitrary {
  return fc.tuple(...parts).map((all) => Object.assign({}, ...all) as Args)
}

/** Gives it now and then. */
function seldom(arbitrary: ArgsArbitrary, weight = 2): ArgsArbitrary {
  return fc.oneof({ weight, arbitrary: fc.constant<Args>({}) }, { weight: 1, arbitrary })
}

/** A `where` of many rows. */
export function where(model: ModelName, depth: number): ArgsArbitrary {
  const { filter, relations } = MODELS[model]
  if (depth === 0) return filter
  const inner = where(model, depth - 1)
  const through = Object.entries(relations).map(([name, { to, list }]) => {
    const below = where(to, depth - 1)
    const quantified = list
      ? oneOrTwoOf({ some: below, every: below, none: below })
      : fc.oneof(
          oneOf({ is: fc.oneof(below, fc.constant(null)), isNot: fc.oneof(below, fc.constant(null)) }),
          below,
          fc.constant(null),
        )
    return quantified.map((condition): Args => ({ [name]: condition }))
  })
  return fc.oneof(
    { weight: 4, arbitrary: filter },
    ...(through.length === 0 ? [] : [{ weight: 2, arbitrary: fc.oneof(...through) }]),
    {
      weight: 1,
      arbitrary: fc.oneof(
        fc.array(inner, { maxLength: 2 }).map((AND): Args => ({ AND })),
        fc.array(inner, { maxLength: 2 }).map((OR): Args => ({ OR })),
        inner.map((NOT): Args => ({ NOT })),
      ),
    },
  )
}

/** What a read below a relation, or at the top, may say beside its selection. */
function window(model: ModelName, depth: number): ArgsArbitrary {
  const { order, groups } = MODELS[model]
  return joined(
    fc.constant<Args>({ orderBy: order }),
    some({ where: where(model, depth), take: fc.integer({ min: 1, max: 3 }), skip: fc.integer({ min: 0, max: 1 }) }),
    seldom(
      fc.constantFrom(...groups).map((distinct): Args => ({ distinct: [distinct] })),
      8,
    ),
  )
}

/** `select`, `include` or `omit`; or nothing. */
export function selection(model: ModelName, depth: number): ArgsArbitrary {
  const { fields, relations } = MODELS[model]
  const names = Object.keys(relations)
  const lists = names.filter((name) => relations[name]?.list)
  const below =
    depth === 0 || names.length === 0
      ? fc.constant<Args>({})
      : fc.oneof(
          ...names.map((name) => {
            const { to, list } = relations[name] as RelationShape
            const nested = list ? joined(window(to, depth - 1), selection(to, depth - 1)) : selection(to, depth - 1)
            return fc.oneof(fc.constant(true), nested).map((value): Args => ({ [name]: value }))
          }),
        )
  const counts =
    lists.length === 0
      ? fc.constant<Args>({})
      : fc.constantFrom(...lists).chain((name) => {
          const { to } = relations[name] as RelationShape
          return fc
            .oneof(
              fc.constant(true),
              where(to, 0).map((condition) => ({ where: condition })),
            )
            .map((value): Args => ({ _count: { select: { [name]: value } } }))
        })
  const chosen = fc
    .subarray([...fields], { minLength: 1, maxLength: 3 })
    .map((list): Args => Object.fromEntries(list.map((f) => [f, true])))
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant<Args>({}) },
    {
      weight: 2,
      arbitrary: joined(below, seldom(counts)).map((include) => (Object.keys(include).length === 0 ? {} : { include })),
    },
    { weight: 2, arbitrary: joined(chosen, seldom(below)).map((select): Args => ({ select })) },
    { weight: 1, arbitrary: chosen.map((omit): Args => ({ omit })) },
  )
}

/** Columns and nested writes of a new row; `without` is the relation by which it is created. */
export function createData(model: ModelName, depth: number, without?: string): ArgsArbitrary {
  const { columns, checkedColumns, foreignKeys, relations } = MODELS[model]
  const others = Object.entries(relations).filter(([name]) => name !== without)
  const owned = others.filter(([, { owning }]) => !owning)
  const owning = others.filter(([, relation]) => relation.owning)
  const attached = new Set(
    Object.entries(relations)
      .filter(([name]) => name === without)
      .map(([name]) => name),
  )
  const keys = foreignKeys.map((given) => withoutKeysOf(model, attached, given))
  const below =
    depth === 0 || owned.length === 0
      ? fc.constant<Args>({})
      : seldom(fc.oneof(...owned.map((entry) => createBelow(...entry, depth))))
  const unchecked = joined(columns, keys, below)
  if (owning.length === 0 || depth === 0) return unchecked
  const required = owning.filter(([, relation]) => relation.required).map((entry) => createBelow(...entry, depth))
  const optional = owning.filter(([, relation]) => !relation.required).map((entry) => seldom(createBelow(...entry, depth)))
  const checked = joined(checkedColumns ?? columns, ...required, ...optional, below)
  return fc.oneof({ weight: 2, arbitrary: unchecked }, { weight: 1, arbitrary: checked })
}

const FOREIGN_KEYS: Readonly<Record<string, readonly string[]>> = {
  'person.boss': ['bossId'],
  'locker.owner': ['ownerId'],
  'badge.owner': ['ownerId'],
  'letter.author': ['authorId'],
  'membership.person': ['personId'],
  'membership.club': ['region', 'number'],
}

function withoutKeysOf(model: ModelName, relations: ReadonlySet<string>, given: Args): Args {
  const dropped = [...relations].flatMap((name) => FOREIGN_KEYS[`${model}.${name}`] ?? [])
  return Object.fromEntries(Object.entries(given).filter(([key]) => !dropped.includes(key)))
}

function createBelow(name: string, { to, opposite, list, owning, many }: RelationShape, depth: number): ArgsArbitrary {
  const { unique } = MODELS[to]
  const create = createData(to, depth - 1, opposite)
  const connectOrCreate = shaped({ where: unique, create })
  const several = list ? oneOrMore : (one: ArgsArbitrary): fc.Arbitrary<unknown> => one
  return (list ? oneOrTwoOf : oneOf)({
    create: several(create),
    connect: several(unique),
    connectOrCreate: several(connectOrCreate),
    ...(list && !owning && many === undefined && { createMany: createMany(to, opposite) }),
  }).map((write): Args => ({ [name]: write }))
}

function createMany(model: ModelName, without: string): ArgsArbitrary {
  const { columns, foreignKeys } = MODELS[model]
  const row = joined(
    columns,
    foreignKeys.map((given) => withoutKeysOf(model, new Set([without]), given)),
  )
  return joined(
    fc.array(row, { maxLength: 2 }).map((data): Args => ({ data })),
    seldom(fc.constant<Args>({ skipDuplicates: true })),
  )
}

/** Columns and nested writes of an update. */
export function updateData(model: ModelName, depth: number, without?: string): ArgsArbitrary {
  const { changes, relations, foreignKeys } = MODELS[model]
  const entries = Object.entries(relations).filter(([name]) => name !== without)
  const below =
    depth === 0 || entries.length === 0
      ? fc.constant<Args>({})
      : fc.oneof(...entries.map((entry) => updateBelow(...entry, depth)))
  const keys = Object.keys(FOREIGN_KEYS).some((key) => key.startsWith(`${model}.`)) ? foreignKeys : fc.constant<Args>({})
  return fc.oneof(
    { weight: 3, arbitrary: changes },
    { weight: 4, arbitrary: joined(changes, below) },
    {
      weight: 1,
      arbitrary: joined(
        changes,
        keys.map((given) => withoutKeysOf(model, new Set(without === undefined ? [] : [without]), given)),
      ),
    },
  )
}

function updateBelow(name: string, shape: RelationShape, depth: number): ArgsArbitrary {
  const { to, opposite, list, required, many } = shape
  const { unique } = MODELS[to]
  const create = createData(to, depth - 1, opposite)
  const data = updateData(to, depth - 1, opposite)
  const filter = where(to, 0)
  const optional = !required
  const writes: Record<string, fc.Arbitrary<unknown>> = list
    ? {
        create: oneOrMore(create),
        connect: oneOrMore(unique),
        connectOrCreate: oneOrMore(shaped({ where: unique, create })),
        update: oneOrMore(shaped({ where: unique, data })),
        updateMany: oneOrMore(shaped({ where: filter, data: MODELS[to].changes })),
        upsert: oneOrMore(shaped({ where: unique, create, update: data })),
        delete: oneOrMore(unique),
        deleteMany: oneOrMore(filter),
        ...(many === undefined && { createMany: createMany(to, opposite) }),
        ...(optional && { set: oneOrMore(unique), disconnect: oneOrMore(unique) }),
      }
    : {
        create,
        connect: unique,
        connectOrCreate: shaped({ where: unique, create }),
        update: fc.oneof(data, shaped({ data }, { where: filter })),
        upsert: shaped({ create, update: data }),
        ...(optional && { disconnect: fc.constant(true), delete: fc.constant(true) }),
        ...(!optional && !shape.owning && { delete: fc.constant(true) }),
      }
  return (list ? oneOrTwoOf : oneOf)(writes).map((write): Args => ({ [name]: write }))
}
