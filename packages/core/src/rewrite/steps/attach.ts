import { type Input, isInput, listOf } from '../input.ts'
import type { Model, Relation } from '../model.ts'
import { NeedsSteps } from '../needs-steps.ts'
import { rewriteNested, rewriteTarget } from '../nested-writes.ts'
import { type Row, UNSEALED } from '../opened-row.ts'
import type { Rewriting } from '../rewriting.ts'
import { filterOf, keyFields, keyOf, keysFilter, keyText, knownFields, requireUnique, selectOf } from '../row-key.ts'
import { isPartOfUnique } from '../unique-keys.ts'
import { rewriteUniqueWhere } from '../where.ts'
import { type ClaimedRow, claim, rebind } from './claim.ts'
import { type BoundCopy, claimCopies, rebindCopies } from './copied-keys.ts'
import { impossible } from './missing.ts'
import { type KnownRow, orAbort, type Steps, updateKnown } from './steps.ts'

/** Whether a nested write may change a foreign key that the row which holds it is bound to. */
export function changesBinding(model: Model, { plan }: Relation, operation: string, rewriting: Rewriting): boolean {
  const { sealing, referencedByBound } = model
  if (operation === 'update') return false
  return plan.from.some(
    (name) => sealing?.boundNames.has(name) === true || referencedByBound.has(name) || isPartOfUnique(model, name, rewriting),
  )
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
  // Another row of this key may come after it.
  if (claimed === undefined && parent.model.sealing !== undefined) return gone(steps, parent)
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
    const { model, sealing, row, opened } = claimed
    // Nothing of it has to be sealed again.
    if (opened === UNSEALED) return undefined
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
export function changesBindingOfOther({ model, opposite }: Relation, rewriting: Rewriting): boolean {
  const { sealing, referencedByBound } = model
  return opposite.from.some(
    (name) => sealing?.boundNames.has(name) === true || referencedByBound.has(name) || isPartOfUnique(model, name, rewriting),
  )
}

/**
 * `connect`, `set` or `disconnect` of rows that are bound to the foreign key that this changes: they are locked, Prisma does the write, and each is
 * sealed for its new foreign key. Prisma is told of the locked rows alone: others may come to be what the caller has named, and must not be written.
 *
 * @param create for a `connectOrCreate` of a row that is there, in place of `connect`: rewritten.
 */
export async function attach(
  steps: Steps,
  parent: KnownRow,
  relation: Relation,
  operation: 'connect' | 'set' | 'disconnect',
  argument: unknown,
  create?: Input,
): Promise<KnownRow> {
  const { rewriting } = steps
  const { model, opposite } = relation
  const foreignKey = Object.fromEntries(opposite.from.map((name, i) => [name, parent.row[opposite.to[i] as string]]))
  const none = Object.fromEntries(opposite.from.map((name) => [name, null]))
  const wheres = listOf(argument).filter(isInput)
  for (const where of wheres) requireUnique(model, where, operation, rewriting)
  const next = rewriting.next()
  const conditions = wheres.map((where) =>
    operation === 'disconnect' ? rewriteTarget(relation, where, next) : rewriteUniqueWhere(model, where, next),
  )
  await next.settle()
  const filters = conditions.map((where) => filterOf(model, where))

  const attaching: (Attached | undefined)[] = []
  if (operation !== 'disconnect')
    for (const filter of filters) attaching.push((await claimAll(steps, model, filter, foreignKey))[0])
  // One row may be named twice.
  const named = [...new Map(attaching.flatMap((row) => (row === undefined ? [] : [[keyText(model, row.before), row]]))).values()]
  const detaching: Attached[] = []
  if (operation === 'set') detaching.push(...(await claimAll(steps, model, foreignKey, none, named)))
  if (operation === 'disconnect') {
    const attached = argument === true ? [foreignKey] : filters.map((filter) => ({ AND: [foreignKey, filter] }))
    for (const filter of attached) detaching.push(...(await claimAll(steps, model, filter, none, detaching)))
  }

  const keysOf = (rows: readonly Attached[]): readonly Input[] => rows.map(({ before }) => keyOf(model, before))
  const after = await updateKnown(steps, parent, { [relation.name]: write() })
  await orAbort(steps, async () => {
    for (const { claimed, copies, after: changed } of [...named, ...detaching]) {
      if (claimed !== undefined) await rebind(steps, claimed, changed)
      await rebindCopies(steps, copies, changed)
    }
  })
  return after

  function write(): Input {
    if (operation === 'connect') {
      const connects = attaching.map((row, i) =>
        row === undefined ? impossible(model, conditions[i], rewriting) : keyOf(model, row.before),
      )
      const [where] = connects
      // Of a row that could not be locked, Prisma would create what stands in for it.
      if (create !== undefined && named.length > 0) return { connectOrCreate: { where, create } }
      return { connect: Array.isArray(argument) ? connects : where }
    }
    // A foreign key that can't be NULL keeps Prisma from detaching any row.
    const isOptional = opposite.from.every((name) => model.plan.columns[name]?.required !== true)
    if (operation === 'set') {
      return isOptional ? { disconnect: keysOf(detaching), connect: keysOf(named) } : { set: keysOf(named) }
    }
    if (argument === true || !isOptional)
      return { disconnect: Array.isArray(argument) ? conditions : (conditions[0] ?? argument) }
    return { disconnect: keysOf(detaching) }
  }
}

/** A row whose foreign key changes. */
interface Attached {
  readonly claimed: ClaimedRow | undefined
  readonly copies: readonly BoundCopy[]
  readonly before: Row
  readonly after: Row
}

/** Locks the rows that meet a condition, but for those that are `done`. */
async function claimAll(
  steps: Steps,
  model: Model,
  where: Input,
  change: Row,
  done: readonly Attached[] = [],
): Promise<readonly Attached[]> {
  const keys = new Set(done.map(({ before }) => keyText(model, before)))
  const found = (await steps.session.run(model, 'findMany', { where, select: selectOf(knownFields(model)) })) as Row[]
  const rows: Attached[] = []
  for (const row of found) {
    if (keys.has(keyText(model, row))) continue
    const claimed = await claim(steps, model, { AND: [where, keysFilter(model, [row])] })
    if (claimed === undefined && model.sealing !== undefined) continue
    const held = claimed?.row ?? row
    const copies = await claimCopies(steps, model, held, Object.keys(change))
    rows.push({ claimed, copies, before: held, after: { ...held, ...change } })
  }
  return rows
}

/** Throws what Prisma throws where the row to update is not there. */
async function gone({ session, rewriting }: Steps, { model, row }: KnownRow): Promise<never> {
  await session.run(model, 'update', { where: impossible(model, keyOf(model, row), rewriting), data: {} })
  throw rewriting.error('CONFLICT', 'the row is not there any more', model)
}
