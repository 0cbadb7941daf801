import type { Lookup } from '../binding.ts'
import { type Input, isInput, listOf } from '../input.ts'
import type { Model, Relation } from '../model.ts'
import { NeedsSteps } from '../needs-steps.ts'
import { rewriteNested, rewriteTarget, toOneUpdate } from '../nested-writes.ts'
import type { Row } from '../opened-row.ts'
import type { Rewriting } from '../rewriting.ts'
import { filterOf, keyOf, keysFilter, requireUnique } from '../row-key.ts'
import { rewriteUniqueWhere, rewriteWhere } from '../where.ts'
import { attach, attachOwn, changesBinding, changesBindingOfOther } from './attach.ts'
import { createRow } from './create-row.ts'
import { impossible, missing, someData, standIn } from './missing.ts'
import { type KnownRow, type Steps, updateKnown } from './steps.ts'
import { findTarget, updateRow } from './update-row.ts'
import { updateRows } from './update-rows.ts'

/** All operations on one relation, in their order. */
export interface NestedWrite {
  readonly relation: Relation
  readonly operations: Input
}

/** Does the nested writes of a row that exists, in their order, and gives the row as it is then. */
export async function writeNested(steps: Steps, known: KnownRow, nested: readonly NestedWrite[]): Promise<KnownRow> {
  const waiting = new PrismasOwn(steps)
  let parent = known
  for (const { relation, operations } of nested) {
    for (const [operation, argument] of Object.entries(operations)) {
      if (steps.rewriting.isAbsent(argument)) continue
      if (
        !changesBinding(parent.model, relation, operation, steps.rewriting) &&
        waiting.takes(parent, relation, operation, argument)
      )
        continue
      parent = await waiting.flush(parent)
      parent = await write(steps, parent, relation, operation, argument)
    }
  }
  return waiting.flush(parent)
}

/** Nested writes that Prisma can do: those that stand side by side go to it together. */
class PrismasOwn {
  readonly #steps: Steps
  readonly #rewritings: Rewriting[] = []
  #data: Record<string, Record<string, unknown>> = Object.create(null)

  constructor(steps: Steps) {
    this.#steps = steps
  }

  takes({ row }: KnownRow, relation: Relation, operation: string, argument: unknown): boolean {
    const rewriting = this.#steps.rewriting.next()
    const columns: Lookup = (field) => ({ value: row[field] })
    let rewritten = argument
    try {
      if (relation.model.reachesSealing) rewritten = rewriteNested(relation, operation, argument, columns, rewriting)
    } catch (error) {
      if (error instanceof NeedsSteps) return false
      throw error
    }
    this.#rewritings.push(rewriting)
    const operations = (this.#data[relation.name] ??= Object.create(null) as Record<string, unknown>)
    operations[operation] = rewritten
    return true
  }

  async flush(parent: KnownRow): Promise<KnownRow> {
    if (this.#rewritings.length === 0) return parent
    for (const rewriting of this.#rewritings.splice(0)) await rewriting.settle()
    const data = this.#data
    this.#data = Object.create(null)
    return updateKnown(this.#steps, parent, data)
  }
}

async function write(
  steps: Steps,
  parent: KnownRow,
  relation: Relation,
  operation: string,
  argument: unknown,
): Promise<KnownRow> {
  const { rewriting } = steps
  if (changesBinding(parent.model, relation, operation, rewriting)) {
    return attachOwn(steps, parent, relation, operation, argument, (row) => one(steps, row, relation, operation, argument))
  }
  switch (operation) {
    case 'connect':
    case 'set':
    case 'disconnect':
      return attach(steps, parent, relation, operation, argument)
    case 'updateMany':
      for (const input of inputsOf(relation.model, operation, argument, rewriting)) {
        await updateManyBelow(steps, parent, relation, input)
      }
      return parent
    default: {
      let last = parent
      for (const input of inputsOf(relation.model, operation, argument, rewriting)) {
        last = await one(steps, last, relation, operation, input)
      }
      return last
    }
  }
}

/** A nested write of one row. */
async function one(steps: Steps, parent: KnownRow, relation: Relation, operation: string, argument: unknown): Promise<KnownRow> {
  const { rewriting } = steps
  const { model } = relation
  const [input] = inputsOf(model, operation, argument, rewriting)
  if (input === undefined) return parent
  switch (operation) {
    case 'create':
      return createBelow(steps, parent, relation, input)
    case 'connectOrCreate': {
      requireUnique(model, input['where'], operation, rewriting)
      const where = filterOf(model, await rewritten(rewriting, (next) => rewriteUniqueWhere(model, input['where'], next)))
      const found = await steps.session.run(model, 'findFirst', { where })
      if (!isInput(found)) return createBelow(steps, parent, relation, input['create'])
      return connectExisting(steps, parent, relation, input, found)
    }
    case 'update': {
      const { where, data } =
        relation.plan.list === true ? { where: input['where'], data: input['data'] } : toOneUpdate(relation, input, rewriting)
      if (relation.plan.list === true) requireUnique(model, where, operation, rewriting)
      if (!(await updateBelow(steps, parent, relation, where, data))) {
        const target = await rewritten(rewriting, (next) => rewriteTarget(relation, where, next))
        const condition = impossible(model, target, rewriting)
        await missing(steps, parent, relation, operation, { where: condition, data: someData(model) })
      }
      return parent
    }
    case 'upsert':
      if (relation.plan.list === true) requireUnique(model, input['where'], operation, rewriting)
      if (await updateBelow(steps, parent, relation, input['where'], input['update'])) return parent
      return createBelow(steps, parent, relation, input['create'])
    default:
      throw rewriting.error('UNSUPPORTED', `the nested write \`${operation}\` is not known to this version`, model)
  }
}

/** `connectOrCreate` of a row that is there. Prisma has no such row attached again to the one that has to have it. */
async function connectExisting(steps: Steps, parent: KnownRow, relation: Relation, input: Input, found: Row): Promise<KnownRow> {
  const { model } = relation
  const where = await rewritten(steps.rewriting, (next) => rewriteUniqueWhere(model, input['where'], next))
  const again = isRequiredOneToOne(relation, parent.model) && (await isAttached(steps, parent, relation, found))
  const create = again && isInput(input['create']) ? await standIn(steps.rewriting, model, input['create'], relation) : undefined
  if (changesBindingOfOther(relation, steps.rewriting)) return attach(steps, parent, relation, 'connect', input['where'], create)
  const operations = create === undefined ? { connect: where } : { connectOrCreate: { where, create } }
  return updateKnown(steps, parent, { [relation.name]: operations })
}

function isRequiredOneToOne({ plan, opposite, model }: Relation, parent: Model): boolean {
  const [holder, key] = plan.from.length > 0 ? [parent, plan.from] : [model, opposite.from]
  return plan.list !== true && opposite.list !== true && key.some((name) => holder.plan.columns[name]?.required === true)
}

async function isAttached(steps: Steps, parent: KnownRow, relation: Relation, found: Row): Promise<boolean> {
  const attached = attachedTo(relation, parent)
  if (attached === undefined) return false
  const where = { AND: [attached, keysFilter(relation.model, [found])] }
  return (await steps.session.run(relation.model, 'findFirst', { where })) !== null
}

/** Condition of the rows that are attached to a row; undefined where none can be. */
function attachedTo({ plan, opposite }: Relation, { model, row }: KnownRow): Input | undefined {
  const pairs =
    plan.from.length > 0
      ? plan.to.map((name, i) => [name, row[plan.from[i] as string]] as const)
      : opposite.from.map((name, i) => [name, row[opposite.to[i] as string]] as const)
  if (pairs.length === 0) return { [plan.opposite]: { some: keysFilter(model, [row]) } }
  return pairs.some(([, value]) => value === null) ? undefined : Object.fromEntries(pairs)
}

async function below(steps: Steps, parent: KnownRow, relation: Relation, where: unknown): Promise<Input | undefined> {
  const attached = attachedTo(relation, parent)
  if (attached === undefined) return undefined
  const condition = await rewritten(steps.rewriting, (next) => rewriteWhere(relation.model, where, next))
  return { AND: [attached, filterOf(relation.model, condition)] }
}

async function updateBelow(steps: Steps, parent: KnownRow, relation: Relation, where: unknown, data: unknown): Promise<boolean> {
  const condition = await below(steps, parent, relation, where)
  const target = condition === undefined ? undefined : await findTarget(steps, relation.model, condition)
  return target !== undefined && (await updateRow(steps, target, data)) !== undefined
}

async function updateManyBelow(steps: Steps, parent: KnownRow, relation: Relation, input: Input): Promise<void> {
  const condition = await below(steps, parent, relation, input['where'])
  if (condition !== undefined) await updateRows(steps, relation.model, condition, input['data'])
}

/** Creates a row and attaches it, in the order that the foreign key asks for. */
async function createBelow(steps: Steps, parent: KnownRow, relation: Relation, data: unknown): Promise<KnownRow> {
  const { model, opposite, plan } = relation
  const own = model.relations.get(plan.opposite)
  if (opposite.from.length > 0 && own !== undefined) {
    await createRow(steps, model, data, { relation: own, row: parent.row })
    return parent
  }
  const { row } = await createRow(steps, model, data)
  return updateKnown(steps, parent, { [relation.name]: { connect: keyOf(model, row) } })
}

async function rewritten(rewriting: Rewriting, rewrite: (next: Rewriting) => unknown): Promise<unknown> {
  const next = rewriting.next()
  const out = rewrite(next)
  await next.settle()
  return out
}

function inputsOf(model: Model, operation: string, argument: unknown, rewriting: Rewriting): readonly Input[] {
  return listOf(argument).map((item) => {
    if (isInput(item)) return item
    throw rewriting.error('INVALID_VALUE', `\`${operation}\` must be an object, as Prisma's types say`, model)
  })
}
