import { type Input, isInput, listOf } from '../input.ts'
import type { Model, Relation } from '../model.ts'
import { NeedsSteps } from '../needs-steps.ts'
import { rewriteNested } from '../nested-writes.ts'
import type { Row } from '../opened-row.ts'
import { filterOf, keyFields, keysFilter, keyText, knownFields, requireUnique, selectOf } from '../row-key.ts'
import { rewriteWhere } from '../where.ts'
import { type BoundCopy, claimCopies, rebindCopies } from './copied-keys.ts'
import { type ClaimedRow, claim, rebind } from './reseal.ts'
import { type KnownRow, orAbort, type Steps, updateKnown } from './steps.ts'

/** Whether a nested write may change a foreign key that the row which holds it is bound to. */
export function changesBinding({ sealing, referencedByBound }: Model, { plan }: Relation, operation: string): boolean {
  if (operation === 'update') return false
  return plan.from.some((name) => sealing?.boundNames.has(name) === true || referencedByBound.has(name))
}

/**
 * A nested write that changes the row's own bound foreign key: the row is locked, Prisma does the write, and the row is sealed for what it references
 * then.
 *
 * @param otherwise does the write where Prisma can't.
 */
export async function attachOwn(
  steps: Steps,
  parent: KnownRow,
  relation: Relation,
  operation: string,
  argument: unknown,
  otherwise: (parent: KnownRow) => Promise<KnownRow>,
): Promise<KnownRow> {
  const { rewriting } = steps
  const claimed = await claim(steps, parent.model, keysFilter(parent.model, [parent.row]))
  const copies = await claimCopies(steps, parent.model, parent.row, relation.plan.from)
  const done = await attached()
  return orAbort(steps, async () => {
    const after = done.isGone ? await moved(done) : done
    // What is bound to a foreign key to a row that is gone went with it, or keeps it from going.
    if (after === undefined) return done
    if (claimed !== undefined) await rebind(steps, claimed, after.row)
    await rebindCopies(steps, copies, after.row)
    return after
  })

  /** Prisma answers nothing, too, where the row's key is the foreign key that has changed. */
  async function moved(gone: KnownRow): Promise<KnownRow | undefined> {
    if (claimed === undefined || !keyFields(parent.model).some((name) => relation.plan.from.includes(name))) return undefined
    const { model, sealing, row } = claimed
    const where = { [sealing.field]: { equals: row[sealing.field] } }
    const found = await steps.session.run(model, 'findFirst', { where, select: selectOf(knownFields(model)) })
    if (!isInput(found)) return undefined
    return operation === 'create' ? { model, row: found } : { ...gone, row: found }
  }

  async function attached(): Promise<KnownRow> {
    const next = rewriting.next()
    let rewritten: unknown
    try {
      rewritten = relation.model.reachesSealing
        ? rewriteNested(relation, operation, argument, (field) => ({ value: parent.row[field] }), next)
        : argument
    } catch (error) {
      if (error instanceof NeedsSteps) return otherwise(parent)
      throw error
    }
    await next.settle()
    return updateKnown(steps, parent, { [relation.name]: { [operation]: rewritten } })
  }
}

/** Whether a nested write may change a foreign key of the other row that it is bound to. */
export function changesBindingOfOther({ model: { sealing, referencedByBound }, opposite }: Relation): boolean {
  return opposite.from.some((name) => sealing?.boundNames.has(name) === true || referencedByBound.has(name))
}

/**
 * `connect`, `set` or `disconnect` of rows that are bound to the foreign key that this changes: they are locked, Prisma does the write, and each is
 * sealed for its new foreign key.
 *
 * @param instead of `operation`, what Prisma is asked to do; rewritten.
 */
export async function attach(
  steps: Steps,
  parent: KnownRow,
  relation: Relation,
  operation: 'connect' | 'set' | 'disconnect',
  argument: unknown,
  instead?: Input,
): Promise<KnownRow> {
  const { model, opposite } = relation
  const keyOfParent = (i: number): unknown => parent.row[opposite.to[i] as string]
  const foreignKey = Object.fromEntries(opposite.from.map((name, i) => [name, keyOfParent(i)]))
  const none = Object.fromEntries(opposite.from.map((name) => [name, null]))
  const wheres = listOf(argument).filter(isInput)
  const changing: Attached[] = []

  async function claimAll(conditions: readonly Input[], change: Row): Promise<void> {
    for (const condition of conditions) {
      for (const row of await rowsOf(steps, model, condition)) {
        if (changing.some((other) => keyText(model, other.row) === keyText(model, row))) continue
        const claimed = await claim(steps, model, keysFilter(model, [row]))
        const copies = await claimCopies(steps, model, row, opposite.from)
        changing.push({ row, claimed, copies, after: { ...row, ...change } })
      }
    }
  }

  const next = steps.rewriting.next()
  for (const where of wheres) requireUnique(model, where, operation, steps.rewriting)
  const conditions = wheres.map((where) => rewriteWhere(model, where, next))
  await next.settle()
  const named = conditions.map((where) => filterOf(model, where))
  if (operation === 'disconnect') {
    await claimAll(argument === true ? [foreignKey] : named.map((where) => ({ AND: [foreignKey, where] })), none)
  } else {
    await claimAll(named, foreignKey)
    if (operation === 'set') await claimAll([foreignKey], none)
  }
  const rewritten = Array.isArray(argument) ? conditions : (conditions[0] ?? argument)
  const after = await updateKnown(steps, parent, { [relation.name]: instead ?? { [operation]: rewritten } })
  await orAbort(steps, async () => {
    for (const { claimed, copies, after: changed } of changing) {
      if (claimed !== undefined) await rebind(steps, claimed, changed)
      await rebindCopies(steps, copies, changed)
    }
  })
  return after
}

/** A row whose foreign key changes. */
interface Attached {
  readonly row: Row
  readonly claimed: ClaimedRow | undefined
  readonly copies: readonly BoundCopy[]
  /** What it is then. */
  readonly after: Row
}

async function rowsOf({ session }: Steps, model: Model, where: Input): Promise<readonly Row[]> {
  return (await session.run(model, 'findMany', { where })) as Row[]
}
