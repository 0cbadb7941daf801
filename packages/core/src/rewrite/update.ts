import { bindingOf, isKnown, type Lookup } from './binding.ts'
import type { Call } from './call.ts'
import { type EncodedValues, encodeValues } from './encrypted-values.ts'
import { type Input, isInput } from './input.ts'
import { mergeUntilWritten } from './merged-update.ts'
import type { Sealing } from './model.ts'
import { NeedsSteps, withSteps } from './needs-steps.ts'
import { rewriteNestedWrites } from './nested-writes.ts'
import type { Rewriting } from './rewriting.ts'
import { checksContexts } from './row-context.ts'
import { isNotFound, sealedArgs, type Update, valuesAfterUpdate, withCondition } from './sealed-update.ts'
import { refuseUniqueChange } from './unique-keys.ts'
import { refuseReferencedChange, reseals } from './update-data.ts'

/**
 * Runs an `update`. Where it writes encrypted or bound columns, the row is sealed anew under a fresh DEK:
 *
 * - all encrypted fields given, all bound columns known, and no token to compare: one statement, which matches only if the row holds just these
 *   fields, so that fields which this plan does not know are never lost;
 * - all fields written in the clear: one statement, which matches only if the row has no envelope;
 * - else: read, merge, and write by compare-and-swap on the old envelope, again and again until no other writer came between.
 *
 * @throws EnvelopeError `CONFLICT` after 100 lost races; NeedsSteps for nested writes that can't stand beside a compare-and-swap, and inside
 * interactive transactions, where losing a race must not be an error: Prisma sends all operations of one turn of the event loop together, and once
 * one of them fails, the others are never run and yet resolve, with `undefined`.
 */
export async function runUpdate(update: Update): Promise<unknown> {
  const { call, rewriting, original } = update
  const { model } = call
  const { data } = original
  if (!isInput(data)) return call.query({ ...update.args, data: rewriting.oneInput(model, 'data', data, (input) => input) })
  refuseReferencedChange(model, data, rewriting)
  refuseUniqueChange(model, data, rewriting)
  const { sealing } = model
  if (sealing === undefined || !reseals(model, data, rewriting)) {
    const out: Record<string, unknown> = { ...data }
    const parent = valuesAfterUpdate(model, data, original['where'], rewriting)
    rewriteNestedWrites(model, out, 'owning', parent, rewriting)
    rewriteNestedWrites(model, out, 'owned', parent, rewriting)
    await rewriting.settle()
    return call.query({ ...update.args, data: out })
  }
  const values = encodeValues(model, sealing, data, rewriting)
  refuseNestedWrites(call, data, rewriting)
  if (call.transaction === 'interactive') throw new NeedsSteps(rewriting.error('UNSUPPORTED', 'takes several queries', model))
  if (sealing.sealed.length === 0) return writePlain(update, sealing, data)
  const known = valuesAfterUpdate(model, data, original['where'], rewriting)
  // A row found by a token is compared before anything is sealed into it.
  const complete =
    values.size === sealing.sealed.length &&
    sealing.bound.every(({ name }) => isKnown(known(name))) &&
    update.expectations.length === 0 &&
    // Nor is a row written over that is another tenant's.
    !checksContexts(rewriting)
  if (call.transaction === 'batch' && !complete) throw needsTwo(call, rewriting)
  if (!complete) return mergeUntilWritten(update, sealing, data, values)
  try {
    return await writeWhole(update, sealing, data, values, known)
  } catch (error) {
    if (!isNotFound(error)) throw error
    // The row may hold other fields than this plan knows.
    if (call.transaction === 'batch') throw withSteps(error)
    return mergeUntilWritten(update, sealing, data, values, error)
  }
}

function needsTwo({ model }: Call, rewriting: Rewriting): NeedsSteps {
  const reason =
    'this update has to read the row before it writes it, which a batch that Prisma runs by itself does not allow: use an interactive transaction'
  return new NeedsSteps(rewriting.error('UNSUPPORTED', reason, model))
}

/** Only what Prisma folds into the one UPDATE that carries the compare-and-swap may stand beside it. */
function refuseNestedWrites({ model }: Call, data: Input, rewriting: Rewriting): void {
  for (const { name, plan } of model.relations.values()) {
    const write = data[name]
    if (rewriting.isAbsent(write) || !isInput(write)) continue
    const operations = Object.keys(write).filter((operation) => !rewriting.isAbsent(write[operation]))
    const [operation, ...others] = operations
    if (operation === undefined) continue
    const folded =
      plan.from.length > 0 &&
      others.length === 0 &&
      (operation === 'connect' || (operation === 'disconnect' && write[operation] === true))
    if (!folded) {
      const reason = `nested writes of ${name} can't stand in one query with encrypted or bound fields`
      throw new NeedsSteps(rewriting.error('UNSUPPORTED', reason, model))
    }
  }
}

async function writeWhole(update: Update, sealing: Sealing, data: Input, values: EncodedValues, known: Lookup): Promise<unknown> {
  const { call, rewriting } = update
  const binding = bindingOf(call.model, sealing, known, rewriting)
  const record = Object.fromEntries([...values].map(([field, value]) => [field.identity, value]))
  const args = await sealedArgs(update, sealing, data, values, binding, record)
  return call.query(withCondition(args, sealing, { path: ['fs'], equals: sealing.fieldSet }, rewriting, !sealing.hasStrict))
}

/** An update of a row that has no envelope, and gets none. */
async function writePlain(update: Update, sealing: Sealing, data: Input): Promise<unknown> {
  const { call, rewriting } = update
  const { model } = call
  const out: Record<string, unknown> = { ...data }
  rewriteNestedWrites(model, out, 'owning', () => undefined, rewriting)
  await rewriting.settle()
  const condition = { equals: rewriting.tools.prisma.DbNull }
  try {
    return await call.query(withCondition({ ...update.args, data: out }, sealing, condition, rewriting))
  } catch (error) {
    if (!isNotFound(error)) throw error
    // The row may be sealed.
    if (call.transaction === 'batch') throw withSteps(error)
    throw new NeedsSteps(rewriting.error('UNSUPPORTED', 'the row has to be opened first', model))
  }
}
