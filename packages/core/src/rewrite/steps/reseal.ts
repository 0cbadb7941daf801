import { encodeValues } from '../encrypted-values.ts'
import type { Expectation } from '../field-filter.ts'
import { type Input, isInput } from '../input.ts'
import { compareFound } from '../lookup.ts'
import { merge, mergedData, openAll, reportForeignWrites, unchangedEnvelope, valuesOfMerged } from '../merge.ts'
import type { Model, Sealing } from '../model.ts'
import type { Row } from '../opened-row.ts'
import { LOST, untilWon } from '../race.ts'
import { keysFilter, knownFields, sealedFields, selectOf } from '../row-key.ts'
import { changedIn } from '../unique-keys.ts'
import { claimUpdated } from './claimed-update.ts'
import { lockRow } from './row-lock.ts'
import type { KnownRow, Steps } from './steps.ts'

/** A row to be written, by the condition that it was found by. */
export interface Target {
  readonly model: Model
  /** A rewritten `WhereInput` that the row must still meet when it is written. */
  readonly where: Input
  /** The row as it was read, with {@link sealedFields}. */
  readonly row: Row
  readonly expectations: readonly Expectation[]
}

/**
 * Merges `data` into a row and seals it anew, by compare-and-swap on its old envelope; where that would not notice other writers, the row is locked and
 * read again. Losing a race is no error of Prisma's: what is sent together with it in the caller's transaction must not be lost.
 *
 * @param data columns alone, as the caller gave them.
 * @param selected what to give back beside {@link knownFields}.
 * @returns undefined where the row is gone.
 */
export async function resealRow(
  steps: Steps,
  { model, where, row: found, expectations }: Target,
  sealing: Sealing,
  data: Input,
  selected: readonly string[] = [],
): Promise<KnownRow | undefined> {
  const { session, rewriting } = steps
  const values = encodeValues(model, sealing, data, rewriting)
  let row: Row | undefined = found
  return untilWon(model, rewriting, async () => {
    const current = row ?? (await read(where))
    row = undefined
    return current === undefined ? undefined : write(current, false)
  })

  async function read(condition: Input): Promise<Row | undefined> {
    const again = await session.run(model, 'findFirst', { where: condition, select: selectOf(sealedFields(model)) })
    return isInput(again) ? again : undefined
  }

  async function write(current: Row, isLocked: boolean): Promise<KnownRow | typeof LOST> {
    const itself = { AND: [where, keysFilter(model, [current])] }
    const [opened] = await openAll([current], model, sealing, rewriting)
    if (opened === undefined) throw new Error('the cipher opened too few rows')
    await compareFound(current, opened, model, expectations, rewriting)
    const merged = merge(current, opened, model, sealing, data, values, rewriting)
    if (merged.isExclusive && !isLocked) {
      await lockRow(session, model, current)
      const now = await read(itself)
      return now === undefined ? LOST : write(now, true)
    }
    const next = rewriting.next()
    const sealed = mergedData(current, merged, model, sealing, data, values, next)
    const after = valuesOfMerged(model, data, current, next)
    const updated = { model, sealing, row: current, record: merged.record ?? {}, after, out: sealed }
    const unchanged = claimUpdated(updated, changedIn(model, data, next), next)
    await next.settle()
    const written = await session.run(model, 'updateManyAndReturn', {
      where: { AND: [itself, unchanged, { [sealing.field]: unchangedEnvelope(current, sealing, rewriting) }] },
      data: sealed,
      select: selectOf([...selected, ...knownFields(model)]),
    })
    const [changed] = written as Row[]
    if (changed === undefined) return LOST
    reportForeignWrites(current, merged, model, rewriting)
    return { model, row: changed }
  }
}
