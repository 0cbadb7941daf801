import { ambiguousUniques } from './alternatives.ts'
import { emptyInput, type Input, isInput } from './input.ts'
import type { Model, Relation } from './model.ts'
import { NeedsSteps } from './needs-steps.ts'
import { toOneUpdate } from './nested-writes.ts'
import type { Row } from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'
import { filterOf, selectOf } from './row-key.ts'
import type { Session } from './session.ts'
import { conditionsBy, rewriteWhere, uniqueKeysOf } from './where.ts'

/** Where the arguments of an operation name one row by a value that may stand in several forms. */
interface Place {
  readonly model: Model
  readonly where: Input
  readonly ambiguous: readonly string[]
  /** A cursor names its row by nothing but a key. */
  readonly isCursor: boolean
  readonly set: (where: Input) => void
}

/**
 * Names rows by a key that has one form. Prisma looks up a row by one value of one key; where a value may stand in several forms, the row is looked for
 * first, and then named by its primary key, with the caller's own words as further conditions. Those keep it right whatever other writers do in
 * between. What is not found stays as it is.
 *
 * @param args the caller's own; they are not changed.
 * @param session undefined where the operation may not take several queries.
 * @throws NeedsSteps there.
 */
export async function resolveUniques(
  model: Model,
  operation: string,
  args: Input,
  session: Session | undefined,
  rewriting: Rewriting,
): Promise<Input> {
  const walk: Walk = { places: [], rewriting }
  const out = copyArgs(model, operation, args, walk)
  for (const place of walk.places) {
    if (session === undefined) {
      const reason = 'to look up a row by this field takes two queries while its values stand in several forms'
      throw new NeedsSteps(rewriting.error('UNSUPPORTED', reason, place.model, place.ambiguous[0]))
    }
    const found = await find(place, session, rewriting)
    if (found !== undefined) place.set(place.isCursor ? found : { ...found, AND: [filterOf(place.model, place.where)] })
  }
  return walk.places.length === 0 ? args : out
}

/** The key of the row that a place names. */
async function find(
  { model, where, ambiguous, isCursor }: Place,
  session: Session,
  rewriting: Rewriting,
): Promise<Input | undefined> {
  const key = plainKey(model, rewriting)
  const next = rewriting.next()
  const named = isCursor ? filterOf(model, where) : { AND: conditionsBy(model, where, ambiguous.slice(0, 1)) }
  const condition = rewriteWhere(model, named, next)
  await next.settle()
  const envelope = model.sealing === undefined ? [] : [model.sealing.field]
  const rows = (await session.run(model, 'findMany', {
    where: condition,
    select: selectOf([...key.fields, ...envelope]),
  })) as Row[]
  const [row] = rows.sort((a, b) => rank(a, model) - rank(b, model) || compare(a, b, key.fields))
  if (row === undefined) return undefined
  const values = Object.fromEntries(key.fields.map((field) => [field, row[field]]))
  return key.fields.length === 1 ? values : { [key.name]: values }
}

/** Where two rows have one value in different forms, the sealed one is meant; of two of these, the one with the lower key. */
function rank(row: Row, { sealing }: Model): number {
  return sealing !== undefined && row[sealing.field] !== null ? 0 : 1
}

function compare(a: Row, b: Row, fields: readonly string[]): number {
  for (const field of fields) {
    const [left, right] = [sortable(a[field]), sortable(b[field])]
    if (left < right) return -1
    if (left > right) return 1
  }
  return 0
}

function sortable(value: unknown): string | number | bigint {
  return typeof value === 'number' || typeof value === 'bigint' ? value : value instanceof Date ? value.getTime() : String(value)
}

/** @throws EnvelopeError `UNSUPPORTED` where every key of the model has a part that may stand in several forms. */
function plainKey(model: Model, rewriting: Rewriting): { readonly name: string; readonly fields: readonly string[] } {
  const ambiguous = new Set(ambiguousUniques(model, rewriting).map(({ name }) => name))
  const { uniques, primaryKey, columns } = model.plan
  const usable = uniques.filter(
    ({ name, fields }) => !ambiguous.has(name) && fields.every((field) => columns[field]?.required === true),
  )
  const primary = usable.find(
    ({ fields }) => fields.length === primaryKey.length && fields.every((field, i) => field === primaryKey[i]),
  )
  const key = primary ?? usable[0]
  if (key !== undefined) return key
  throw rewriting.error(
    'UNSUPPORTED',
    'while values stand in several forms, a row can be looked up only if its model has a key that is required and not encrypted: add one, or use findFirst',
    model,
  )
}

interface Walk {
  readonly places: Place[]
  readonly rewriting: Rewriting
}

/** An object or a list of the copy, in which a place stands. */
type Holder = Record<string | number, unknown>

const BY_KEY: ReadonlySet<string> = new Set(['findUnique', 'findUniqueOrThrow', 'update', 'delete', 'upsert'])

/** Copies what leads to a place; all else is the caller's own. */
function copyArgs(model: Model, operation: string, args: Input, walk: Walk): Input {
  const out = copyRead(model, args, walk)
  copyParts(model, out, walk)
  if (BY_KEY.has(operation)) atPlace(out, 'where', model, walk)
  return out
}

/** The data among the arguments of a write, nested or not. */
function copyParts(model: Model, holder: Holder, walk: Walk): void {
  for (const key of ['data', 'create', 'update']) copyEach(holder, key, (data) => copyData(model, data, walk))
}

/** Cursors of a read, and of the reads below it. */
function copyRead(model: Model, args: Input, walk: Walk): Holder {
  const out: Holder = { ...args }
  atPlace(out, 'cursor', model, walk, true)
  for (const key of ['select', 'include']) {
    copyEach(out, key, (fields) =>
      copyRelations(model, fields, (holder, { name, model: other }) =>
        copyEach(holder, name, (below) => copyRead(other, below, walk)),
      ),
    )
  }
  return out
}

/** The nested writes of a row's data. */
function copyData(model: Model, data: Input, walk: Walk): Input {
  return copyRelations(model, data, (holder, relation) =>
    copyEach(holder, relation.name, (write) => {
      const operations: Holder = { ...write }
      for (const operation of Object.keys(write)) copyNested(operations, operation, relation, walk)
      return operations
    }),
  )
}

function copyRelations(model: Model, given: Input, copy: (holder: Holder, relation: Relation) => void): Input {
  const out: Holder = Object.assign(emptyInput(), given)
  for (const relation of model.relations.values()) {
    if (relation.model.reachesSealing && relation.name in out) copy(out, relation)
  }
  return out
}

function copyNested(holder: Holder, operation: string, relation: Relation, walk: Walk): void {
  const { model, plan } = relation
  const parts = (hasKey: boolean): void =>
    copyEach(holder, operation, (input) => {
      const out: Holder = { ...input }
      copyParts(model, out, walk)
      if (hasKey) atPlace(out, 'where', model, walk)
      return out
    })
  const isList = plan.list === true
  switch (operation) {
    case 'create':
      return copyEach(holder, operation, (data) => copyData(model, data, walk))
    case 'connect':
    case 'set':
      return atPlaces(holder, operation, model, walk)
    case 'disconnect':
    case 'delete':
      // Of a to-one relation they take a condition like any other.
      return isList ? atPlaces(holder, operation, model, walk) : undefined
    case 'connectOrCreate':
      return parts(true)
    case 'upsert':
      return parts(isList)
    case 'update': {
      const update = holder[operation]
      const isBare = !isList && isInput(update) && toOneUpdate(relation, update, walk.rewriting).data === update
      return isBare ? copyEach(holder, operation, (data) => copyData(model, data, walk)) : parts(isList)
    }
    default:
      return undefined
  }
}

/** Replaces an object, or each in a list. */
function copyEach(holder: Holder, key: string, copy: (input: Input) => unknown): void {
  const value = holder[key]
  if (Array.isArray(value)) holder[key] = value.map((item: unknown) => (isInput(item) ? copy(item) : item))
  else if (isInput(value)) holder[key] = copy(value)
}

function atPlaces(holder: Holder, key: string, model: Model, walk: Walk): void {
  const value = holder[key]
  if (!Array.isArray(value)) return atPlace(holder, key, model, walk)
  const list: unknown[] = [...value]
  holder[key] = list
  for (const i of list.keys()) atPlace(list as unknown as Holder, i, model, walk)
}

function atPlace(holder: Holder, key: string | number, model: Model, { places, rewriting }: Walk, isCursor = false): void {
  const where = holder[key]
  if (!isInput(where)) return
  const { ambiguous, isAnchored } = uniqueKeysOf(model, where, rewriting)
  // Conditions beside a key are met as well in every form; beside a cursor there can be none.
  if (ambiguous.length === 0 || (isAnchored && !isCursor)) return
  const set = (found: Input): void => {
    holder[key] = found
  }
  places.push({ model, where, ambiguous, isCursor, set })
}
