import type { Envelope, OpenedRow } from '../../envelope/contract.ts'
import { bindingOf, type Lookup } from '../binding.ts'
import { type EncodedValues, encodeValues, replaceValues, scopeFrom } from '../encrypted-values.ts'
import { type Input, isInput } from '../input.ts'
import { compareFound } from '../lookup.ts'
import { merge, openAll, rescoped, scopedBy, valuesOfMerged } from '../merge.ts'
import type { Model, Sealing } from '../model.ts'
import type { Row } from '../opened-row.ts'
import { LOST, untilWon } from '../race.ts'
import type { Rewriting } from '../rewriting.ts'
import { keysFilter, knownFields, renewedFields, sealedFields, selectOf } from '../row-key.ts'
import type { Expectation } from '../where.ts'
import { writeEnvelopes } from './envelope-writes.ts'
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
 * Merges `data` into a row and seals it anew, by compare-and-swap on its old envelope. Losing a race is no error of Prisma's: what is sent together
 * with it in the caller's transaction must not be lost.
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
    if (row === undefined) {
      const again = await session.run(model, 'findFirst', { where, select: selectOf(sealedFields(model)) })
      if (!isInput(again)) return undefined
      row = again
    }
    const [opened] = await openAll([row], model, sealing, rewriting)
    if (opened === undefined) throw new Error('the cipher opened too few rows')
    await compareFound(row, opened, model, expectations, rewriting)
    const sealed = await resealed(row, opened, model, sealing, data, values, rewriting)
    const written = await session.run(model, 'updateManyAndReturn', {
      where: { AND: [where, keysFilter(model, [row]), { [sealing.field]: { equals: row[sealing.field] } }] },
      data: sealed,
      select: selectOf([...selected, ...knownFields(model)]),
    })
    row = undefined
    const [after] = written as Row[]
    return after === undefined ? LOST : { model, row: after }
  })
}

async function resealed(
  row: Row,
  opened: OpenedRow,
  model: Model,
  sealing: Sealing,
  data: Input,
  values: EncodedValues,
  rewriting: Rewriting,
): Promise<Input> {
  const record = merge(row, opened, model, sealing, values, rewriting)
  const binding = bindingOf(model, sealing, valuesOfMerged(model, data, row, rewriting), rewriting)
  const out: Record<string, unknown> = { ...data }
  const rewritten = new Map([...values, ...rescoped(model, sealing, data, record, values, rewriting)])
  const next = rewriting.next()
  replaceValues(out, rewritten, scopeFrom(sealing, binding), next)
  next.seal({ table: sealing.table, binding, record }, (envelope) => {
    out[sealing.field] = envelope
  })
  await next.settle()
  return out
}

/** A row that is locked until the transaction ends, and what it holds. */
export interface ClaimedRow extends KnownRow {
  readonly sealing: Sealing
  readonly opened: OpenedRow
}

/**
 * Locks a row by writing its own envelope back, so that what follows can be sealed from what it holds now.
 *
 * @param where what the row must meet when it is locked.
 * @returns undefined where there is no such row, or none that is sealed.
 */
export async function claim({ session, rewriting }: Steps, model: Model, where: Input): Promise<ClaimedRow | undefined> {
  const { sealing } = model
  if (sealing === undefined) return undefined
  return untilWon(model, rewriting, async () => {
    const renewed = renewedFields(model)
    const row = await session.run(model, 'findFirst', { where, select: selectOf([...sealedFields(model), ...renewed]) })
    if (!isInput(row)) return undefined
    const [opened] = await openAll([row], model, sealing, rewriting)
    if (opened === undefined) throw new Error('the cipher opened too few rows')
    const envelope = row[sealing.field]
    const kept = Object.fromEntries(renewed.map((name) => [name, row[name]]))
    const locked = await session.run(model, 'updateMany', {
      where: { AND: [where, keysFilter(model, [row]), { [sealing.field]: { equals: envelope } }] },
      data: { ...kept, [sealing.field]: envelope },
    })
    return isInput(locked) && locked['count'] === 1 ? { model, row, sealing, opened } : LOST
  })
}

/** Seals a claimed row for what it is bound to once `after` holds, if that is not what it was. */
export async function rebind({ session, rewriting }: Steps, claimed: ClaimedRow, after: Row): Promise<void> {
  const { model, sealing, row, opened } = claimed
  const bound =
    (values: Row): Lookup =>
    (field) => ({ value: values[field] })
  const before = bindingOf(model, sealing, bound(row), rewriting)
  const binding = bindingOf(model, sealing, bound(after), rewriting)
  const changed = sealing.bound.map(({ name }) => name).filter((_, i) => binding[i]?.value !== before[i]?.value)
  if (changed.length === 0) return
  const record = merge(row, opened, model, sealing, new Map(), rewriting)
  const out: Record<string, unknown> = {}
  const next = rewriting.next()
  replaceValues(out, scopedBy(sealing, changed, record, new Map()), scopeFrom(sealing, binding), next)
  next.seal({ table: sealing.table, binding, record }, (envelope) => {
    out[sealing.field] = envelope
  })
  await next.settle()
  const { [sealing.field]: envelope, ...tokens } = out
  const written = await writeEnvelopes(session, model, sealing, [
    { key: after, before: row[sealing.field], envelope: envelope as Envelope, tokens },
  ])
  if (written === 1) return
  throw rewriting.error('CONFLICT', 'another operation of this transaction changed the row at the same time', model)
}
