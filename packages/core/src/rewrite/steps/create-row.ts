import { rewriteCreate } from '../create.ts'
import { type Input, isInput } from '../input.ts'
import type { Model, Relation } from '../model.ts'
import { NeedsSteps } from '../needs-steps.ts'
import type { Row } from '../opened-row.ts'
import { keyOf, knownFields, selectOf } from '../row-key.ts'
import { rewriteUniqueWhere } from '../where.ts'
import { impossible, standIn } from './missing.ts'
import { type NestedWrite, writeNested } from './nested.ts'
import { findReferenced } from './referenced-rows.ts'
import type { KnownRow, Steps } from './steps.ts'

/** The row that a new one is attached to, by the new row's own foreign key. */
export interface Parent {
  /** The new row's relation to it. */
  readonly relation: Relation
  readonly row: Row
}

/**
 * Creates a row. What Prisma could not do in one `create`, because the row or one below it is bound to a key that only the database knows, comes
 * before or after it: first the rows that it references, then the row, then those that reference it.
 */
export async function createRow(steps: Steps, model: Model, data: unknown, parent?: Parent): Promise<KnownRow> {
  const given = steps.rewriting.isAbsent(data) ? {} : data
  if (!isInput(given)) throw steps.rewriting.error('INVALID_VALUE', '`create` must be an object, as Prisma says', model)
  const whole = parent === undefined ? given : attached(given, parent, steps)
  try {
    return await insert(steps, model, whole)
  } catch (error) {
    if (!(error instanceof NeedsSteps)) throw error
  }
  const out: Record<string, unknown> = { ...whole }
  const later: NestedWrite[] = []
  for (const relation of model.relations.values()) {
    const write = out[relation.name]
    if (steps.rewriting.isAbsent(write) || !isInput(write) || !relation.model.reachesSealing) continue
    if (relation.plan.from.length > 0) {
      out[relation.name] = await connectable(steps, model, out, relation, write)
    } else {
      later.push({ relation, operations: write })
      delete out[relation.name]
    }
  }
  const created = await insert(steps, model, out)
  return writeNested(steps, created, inOrderOf(given, later))
}

async function insert({ session, rewriting }: Steps, model: Model, data: Input): Promise<KnownRow> {
  const next = rewriting.next()
  const out = rewriteCreate(model, data, next)
  await next.settle()
  const row = await session.run(model, 'create', { data: out, select: selectOf(knownFields(model)) })
  return { model, row: row as Row }
}

/** Writes into the data what attaches the row to its parent, in the form that the data is in: by relation, or by foreign key. */
function attached(data: Input, { relation, row }: Parent, { rewriting }: Steps): Input {
  const { from, to } = relation.plan
  const values = to.map((name) => row[name])
  const byRelation = [...relations(relation)].some((other) => other.plan.from.length > 0 && !rewriting.isAbsent(data[other.name]))
  if (!byRelation) return { ...data, ...Object.fromEntries(from.map((name, i) => [name, values[i]])) }
  return { ...data, [relation.name]: { connect: referencing(relation, row) } }
}

/** All relations of the model that holds `relation`'s foreign key. */
function relations(relation: Relation): Iterable<Relation> {
  const owner = relation.model.relations.get(relation.plan.opposite)?.model
  return owner?.relations.values() ?? []
}

/** A `WhereUniqueInput` by the very columns that a foreign key references. */
function referencing({ plan, model }: Relation, row: Row): Input {
  const values = Object.fromEntries(plan.to.map((name) => [name, row[name]]))
  if (plan.to.length === 1) return values
  const unique = model.plan.uniques.find(
    ({ fields }) => fields.length === plan.to.length && fields.every((name) => plan.to.includes(name)),
  )
  return unique === undefined ? keyOf(model, row) : { [unique.name]: values }
}

/** A write to the side that this row references, as a `connect` by the referenced columns: what the row is bound to is then known. */
async function connectable(steps: Steps, model: Model, data: Input, relation: Relation, write: Input): Promise<Input> {
  const { rewriting } = steps
  const operations = Object.entries(write).filter(([, argument]) => !rewriting.isAbsent(argument))
  let row: Row | undefined
  for (const [operation, argument] of operations) {
    if (!isInput(argument)) throw rewriting.error('INVALID_VALUE', `\`${operation}\` must be an object`, relation.model)
    if (operation === 'create') row = (await createRow(steps, relation.model, argument)).row
    else if (operation === 'connect') {
      row = (await findReferenced(steps, relation.model, argument)) ?? (await notFound(steps, model, data, relation, argument))
    } else if (operation === 'connectOrCreate') {
      row = await findReferenced(steps, relation.model, argument['where'])
      row ??= (await createRow(steps, relation.model, argument['create'])).row
    } else return write
  }
  return row === undefined ? write : { connect: referencing(relation, row) }
}

/** Throws what Prisma throws for a `connect` that finds nothing; it looks for that row before it inserts another. */
async function notFound(
  { session, rewriting }: Steps,
  model: Model,
  data: Input,
  relation: Relation,
  where: unknown,
): Promise<never> {
  const next = rewriting.next()
  const rewritten = rewriteUniqueWhere(relation.model, where, next)
  await next.settle()
  const row = await standIn(rewriting, model, data)
  await session.run(model, 'create', {
    data: { ...row, [relation.name]: { connect: impossible(relation.model, rewritten, rewriting) } },
  })
  throw rewriting.error('CONFLICT', `another writer changed ${relation.name} in between; try again`, model)
}

function inOrderOf(data: Input, writes: readonly NestedWrite[]): readonly NestedWrite[] {
  const order = Object.keys(data)
  return [...writes].sort((a, b) => order.indexOf(a.relation.name) - order.indexOf(b.relation.name))
}
