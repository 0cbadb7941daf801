import fc from 'fast-check'
import { createData, selection, updateData, where } from './arguments.ts'
import { MODEL_NAMES, MODELS, type ModelName } from './models.ts'
import { type Args, argsText, shaped, some } from './values.ts'

/** One call of Prisma Client. */
export interface Operation {
  readonly model: ModelName
  readonly operation: string
  readonly args: Args
  /** A relation that the fluent API goes on to. */
  readonly fluent?: string
}

function joined(...parts: readonly fc.Arbitrary<Args>[]): fc.Arbitrary<Args> {
  return fc.tuple(...parts).map((all) => Object.assign({}, ...all) as Args)
}

/** Prisma's query compiler panics at a cursor that holds other conditions. */
function firstKey(where: Args): Args {
  return Object.fromEntries(Object.entries(where).slice(0, 1))
}

const DEPTH = 2

function operationsOf(model: ModelName): fc.Arbitrary<Operation> {
  const { unique, order, groups, columns, foreignKeys, changes, relations } = MODELS[model]
  const call = (operation: string, args: fc.Arbitrary<Args>): fc.Arbitrary<Operation> =>
    args.map((given) => ({ model, operation, args: given }))
  const select = selection(model, DEPTH)
  /** What returns many rows after a write knows no lists below them. */
  const flat = selection(model, 0)
  const byKey = unique.map((key): Args => ({ where: key }))
  const condition = where(model, DEPTH).map((filter): Args => ({ where: filter }))
  /** `findFirst` is refused a `take` of more than one. */
  const first = joined(
    fc.constant<Args>({ orderBy: order }),
    some({ skip: fc.integer({ min: 0, max: 2 }), cursor: unique.map(firstKey) }),
    fc.oneof(
      { weight: 6, arbitrary: fc.constant<Args>({}) },
      { weight: 1, arbitrary: fc.constantFrom(...groups).map((by): Args => ({ distinct: by })) },
    ),
  )
  const window = joined(first, some({ take: fc.constantFrom(1, 2, -2) }))
  const row = joined(columns, foreignKeys)
  const rows = joined(
    fc.array(row, { maxLength: 3 }).map((data): Args => ({ data })),
    some({ skipDuplicates: fc.boolean() }),
  )
  const data = updateData(model, DEPTH).map((given): Args => ({ data: given }))
  const created = createData(model, DEPTH)
  const followed = Object.keys(relations)
  return fc.oneof(
    { weight: 2, arbitrary: call('findUnique', joined(byKey, select)) },
    { weight: 1, arbitrary: call('findUniqueOrThrow', joined(byKey, select)) },
    { weight: 1, arbitrary: call('findFirst', joined(condition, first, select)) },
    { weight: 1, arbitrary: call('findFirstOrThrow', joined(condition, first, select)) },
    { weight: 4, arbitrary: call('findMany', joined(condition, window, select)) },
    { weight: 1, arbitrary: call('count', condition) },
    { weight: 1, arbitrary: call('aggregate', joined(condition, fc.constant<Args>({ _count: true }))) },
    {
      weight: 1,
      arbitrary: call(
        'groupBy',
        joined(
          condition,
          fc.subarray([...groups], { minLength: 1 }).map((by): Args => ({ by, _count: true })),
        ),
      ),
    },
    {
      weight: 8,
      arbitrary: call(
        'create',
        joined(
          created.map((given): Args => ({ data: given })),
          select,
        ),
      ),
    },
    { weight: 2, arbitrary: call('createMany', rows) },
    { weight: 1, arbitrary: call('createManyAndReturn', joined(rows, flat)) },
    { weight: 14, arbitrary: call('update', joined(byKey, data, select)) },
    {
      weight: 3,
      arbitrary: call(
        'updateMany',
        joined(
          condition,
          changes.map((given): Args => ({ data: given })),
        ),
      ),
    },
    {
      weight: 2,
      arbitrary: call(
        'updateManyAndReturn',
        joined(
          condition,
          changes.map((given): Args => ({ data: given })),
          flat,
        ),
      ),
    },
    {
      weight: 6,
      arbitrary: call('upsert', joined(byKey, shaped({ create: created, update: updateData(model, DEPTH) }), select)),
    },
    { weight: 2, arbitrary: call('delete', joined(byKey, select)) },
    { weight: 1, arbitrary: call('deleteMany', condition) },
    ...(followed.length === 0
      ? []
      : [
          {
            weight: 1,
            arbitrary: fc
              .tuple(byKey, fc.constantFrom(...followed))
              .map(([args, fluent]): Operation => ({ model, operation: 'findUnique', args, fluent })),
          },
        ]),
  )
}

export const operation: fc.Arbitrary<Operation> = fc
  .oneof(...MODEL_NAMES.map((model) => ({ weight: model === 'person' ? 4 : 1, arbitrary: operationsOf(model) })))
  .filter((given) => !makesItsOwnBoss(given))

/** Prisma creates the row that another one references before it looks for that one, and may find the very row that it has just made. */
function makesItsOwnBoss({ model, operation: name, args }: Operation): boolean {
  const text = argsText(args)
  if (model !== 'person' || (name !== 'update' && name !== 'upsert') || !/"boss":\{"(create|connectOrCreate|upsert)":/.test(text))
    return false
  const named = Object.entries(args['where'] as Args).map(([key, value]) => `${argsText(key)}:${argsText(value)}`)
  return named.some((condition) => text.split(condition).length > 2)
}

/** A read that ciphertext can't answer. */
export const unanswerable: fc.Arbitrary<Operation> = fc
  .constantFrom(...MODEL_NAMES)
  .chain((model) => MODELS[model].unanswerable.map((args): Operation => ({ model, operation: 'findMany', args })))
