import { EnvelopeError } from '../../errors.ts'
import type { Expectation } from '../field-filter.ts'
import { emptyInput, type Input, isInput } from '../input.ts'
import { compareFound } from '../lookup.ts'
import { openAll, unchangedEnvelope, valuesOfMerged } from '../merge.ts'
import type { Model, Sealing } from '../model.ts'
import type { Row } from '../opened-row.ts'
import { LOST, untilWon } from '../race.ts'
import type { Rewriting } from '../rewriting.ts'
import { keysFilter, knownFields, sealedFields, selectOf } from '../row-key.ts'
import { changedIn, writesUniques } from '../unique-keys.ts'
import { referencedIn, reseals } from '../update-data.ts'
import { claimUpdated } from './claimed-update.ts'
import { claimCopies, rebindCopies } from './copied-keys.ts'
import { type NestedWrite, writeNested } from './nested.ts'
import { inlineConnects, type Parts } from './referenced-rows.ts'
import { resealRow, type Target } from './reseal.ts'
import { type KnownRow, orAbort, type Steps } from './steps.ts'

/**
 * Reads the row of an update.
 *
 * @param where a rewritten `WhereInput`
 * @returns undefined where there is none.
 */
export async function findTarget(
  { session }: Steps,
  model: Model,
  where: Input,
  expectations: readonly Expectation[] = [],
): Promise<Target | undefined> {
  const row = await session.run(model, 'findFirst', { where, select: selectOf(sealedFields(model)) })
  return isInput(row) ? { model, where, row, expectations } : undefined
}

/**
 * Updates a row and those below it, in Prisma's order: the row's own columns first, then its nested writes as they are given.
 *
 * @param selected what to give back beside {@link knownFields}, of a row without nested writes.
 * @returns undefined where the row is gone.
 */
export async function updateRow(
  steps: Steps,
  target: Target,
  data: unknown,
  selected: readonly string[] = [],
): Promise<KnownRow | undefined> {
  const { model } = target
  const { columns, nested } = await inlineConnects(steps, partsOf(model, data, steps.rewriting))
  const { sealing } = model
  const copied = referencedIn(model, columns, steps.rewriting)
  const copies = copied.length === 0 ? [] : await claimCopies(steps, model, target.row, copied)
  const known =
    sealing !== undefined && reseals(model, columns, steps.rewriting)
      ? await resealRow(steps, target, sealing, columns, selected)
      : await updateColumns(steps, target, columns, selected)
  if (known === undefined) return undefined
  await orAbort(steps, () => rebindCopies(steps, copies, known.row))
  return writeNested(steps, known, nested)
}

/** Columns that nothing is sealed with. */
async function updateColumns(
  steps: Steps,
  target: Target,
  columns: Input,
  selected: readonly string[],
): Promise<KnownRow | undefined> {
  const { session, rewriting } = steps
  const { model, where, row, expectations } = target
  const { sealing } = model
  if (sealing !== undefined && expectations.length > 0) {
    const [opened] = await openAll([row], model, sealing, rewriting)
    if (opened !== undefined) await compareFound(row, opened, model, expectations, rewriting)
  }
  if (Object.values(columns).every((value) => rewriting.isAbsent(value)) && selected.length === 0) return { model, row }
  if (sealing !== undefined && writesUniques(model, columns, rewriting)) {
    return updateBesideToken(steps, target, sealing, columns, selected)
  }
  const written = await session.run(model, 'updateManyAndReturn', {
    where: { AND: [where, keysFilter(model, [row])] },
    data: columns,
    select: selectOf([...selected, ...knownFields(model)]),
  })
  const [after] = written as Row[]
  return after === undefined ? undefined : { model, row: after }
}

/** Columns that are unique together with a token, which stays: other rows may have the same two in another form. */
async function updateBesideToken(
  { session, rewriting }: Steps,
  { model, where, row: found }: Target,
  sealing: Sealing,
  columns: Input,
  selected: readonly string[],
): Promise<KnownRow | undefined> {
  let row: Row | undefined = found
  return untilWon(model, rewriting, async () => {
    row ??= (await findTarget({ session, rewriting }, model, where))?.row
    if (row === undefined) return undefined
    const [opened] = await openAll([row], model, sealing, rewriting)
    const next = rewriting.next()
    const out: Record<string, unknown> = { ...columns }
    const after = valuesOfMerged(model, columns, row, next)
    const updated = { model, sealing, row, record: opened?.record ?? {}, after, out }
    const unchanged = claimUpdated(updated, changedIn(model, columns, next), next)
    await next.settle()
    const itself = { AND: [where, keysFilter(model, [row])] }
    const written = await session.run(model, 'updateManyAndReturn', {
      where: { AND: [itself, unchanged, { [sealing.field]: unchangedEnvelope(row, sealing, rewriting) }] },
      data: out,
      select: selectOf([...selected, ...knownFields(model)]),
    })
    row = undefined
    const [changed] = written as Row[]
    return changed === undefined ? LOST : { model, row: changed }
  })
}

/** Parts an update's data into the row's own columns and nested writes. */
export function partsOf(model: Model, data: unknown, rewriting: Rewriting): Parts {
  if (rewriting.isAbsent(data)) return { columns: {}, nested: [] }
  if (!isInput(data)) throw invalidData(model, rewriting)
  const columns = emptyInput()
  const nested: NestedWrite[] = []
  for (const [name, value] of Object.entries(data)) {
    const relation = model.relations.get(name)
    if (relation === undefined) columns[name] = value
    else if (isInput(value)) nested.push({ relation, operations: value })
    else if (!rewriting.isAbsent(value)) throw invalidData(model, rewriting, name)
  }
  return { columns, nested }
}

function invalidData(model: Model, rewriting: Rewriting, field?: string): EnvelopeError {
  return new EnvelopeError('INVALID_VALUE', 'the data must be an object, as Prisma says', {
    model: model.name,
    field,
    operation: rewriting.operation,
  })
}
