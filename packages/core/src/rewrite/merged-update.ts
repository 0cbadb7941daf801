import type { EncodedValues } from './encrypted-values.ts'
import { type Input, isInput } from './input.ts'
import { compareFound } from './lookup.ts'
import { merge, mergedData, openAll, reportForeignWrites, unchangedEnvelope } from './merge.ts'
import type { Sealing } from './model.ts'
import { NeedsSteps } from './needs-steps.ts'
import { rewriteNestedWrites } from './nested-writes.ts'
import { LOST, untilWon } from './race.ts'
import { sealedFields, selectOf } from './row-key.ts'
import { isNotFound, type Update, withCondition } from './sealed-update.ts'

/**
 * Reads the row, merges the new values into its record and writes it by compare-and-swap on the old envelope, again and again until no other writer
 * came between. For updates outside transactions: the update itself carries the comparison, and losing is an error of Prisma's.
 *
 * @param notFound what an update that found no row threw before.
 * @throws EnvelopeError `CONFLICT`; NeedsSteps where the row has to be locked before it is read.
 */
export async function mergeUntilWritten(
  update: Update,
  sealing: Sealing,
  data: Input,
  values: EncodedValues,
  notFound?: Error,
): Promise<unknown> {
  const { call, rewriting } = update
  const { model } = call
  let lost: { readonly envelope: string; readonly error: Error } | undefined
  return untilWon(model, rewriting, async () => {
    const row = await call.session.run(model, 'findUnique', {
      where: update.args['where'],
      select: selectOf(sealedFields(model)),
    })
    if (!isInput(row)) {
      if (notFound !== undefined) throw notFound
      // Prisma's own error, from an update that can't match.
      return call.query(withCondition({ ...update.args, data: {} }, sealing, { path: ['fs'], equals: '' }, rewriting))
    }
    const [opened] = await openAll([row], model, sealing, rewriting)
    if (opened === undefined) throw new Error('the cipher opened too few rows')
    await compareFound(row, opened, model, update.expectations, rewriting)
    // jsonb has one spelling for equal values: the row is as it was, so that something else in the caller's `where` or data was not found.
    const envelope = JSON.stringify(row[sealing.field])
    if (lost?.envelope === envelope) throw lost.error
    const merged = merge(row, opened, model, sealing, data, values, rewriting)
    if (merged.isExclusive) throw new NeedsSteps(rewriting.error('UNSUPPORTED', 'the row has to be locked first', model))
    const out = mergedData(row, merged, model, sealing, data, values, rewriting)
    rewriteNestedWrites(model, out, 'owning', () => undefined, rewriting)
    await rewriting.settle()
    try {
      const condition = unchangedEnvelope(row, sealing, rewriting)
      const result = await call.query(withCondition({ ...update.args, data: out }, sealing, condition, rewriting))
      reportForeignWrites(row, merged, model, rewriting)
      return result
    } catch (error) {
      if (!isNotFound(error)) throw error
      lost = { envelope, error }
      return LOST
    }
  })
}
