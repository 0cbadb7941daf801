import { EnvelopeError } from '../../errors.ts'
import { emptyInput, type Input, isInput } from '../input.ts'
import { compareFound } from '../lookup.ts'
import { openAll } from '../merge.ts'
import type { Model } from '../model.ts'
import type { Row } from '../opened-row.ts'
import type { Rewriting } from '../rewriting.ts'
import { keysFilter, knownFields, sealedFields, selectOf } from '../row-key.ts'
import { referencedIn, reseals } from '../update-data.ts'
import type { Expectation } from '../where.ts'
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
  { session, rewriting }: Steps,
  { model, where, row, expectations }: Target,
  columns: Input,
  selected: readonly string[],
): Promise<KnownRow | undefined> {
  const { sealing } = model
  if (sealing !== undefined && expectations.length > 0) {
    const [opened] = await openAll([row], model, sealing, rewriting)
    if (opened !== undefined) await compareFound(row, opened, model, expectations, rewriting)
  }
  if (Object.values(columns).every((value) => rewriting.isAbsent(value)) && selected.length === 0) return { model, row }
  const written = await session.run(model, 'updateManyAndReturn', {
    where: { AND: [where, keysFilter(model, [row])] },
    data: columns,
    select: selectOf([...selected, ...knownFields(model)]),
  })
  const [after] = written as Row[]
  return after === undefined ? undefined : { model, row: after }
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
