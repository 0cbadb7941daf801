import type { Envelope } from '../../envelope/contract.ts'
import { bindingOf, type Lookup } from '../binding.ts'
import { subjectBy } from '../cipher-border.ts'
import { replaceValues, scopeFrom } from '../encrypted-values.ts'
import { type Input, isInput } from '../input.ts'
import { type Merged, merge, mergedData, openAll, reportForeignWrites, scopedBy } from '../merge.ts'
import type { Model, Sealing } from '../model.ts'
import { type Row, type RowRecord, UNSEALED } from '../opened-row.ts'
import { LOST, untilWon } from '../race.ts'
import { rowToSeal } from '../row-context.ts'
import { keysFilter, renewedFields, sealedFields, selectOf } from '../row-key.ts'
import { isPartOfUnique } from '../unique-keys.ts'
import { claimUpdated } from './claimed-update.ts'
import { writeEnvelopes } from './envelope-writes.ts'
import { lockRow } from './row-lock.ts'
import type { KnownRow, Steps } from './steps.ts'

/** A row that is locked until the transaction ends, and what it holds. */
export interface ClaimedRow extends KnownRow {
  readonly sealing: Sealing
  readonly opened: RowRecord
}

/**
 * Locks a row by writing its own envelope back, so that what follows can be sealed from what it holds now.
 *
 * @param where what the row must meet when it is locked.
 * @returns undefined where there is no such row, or none of a model with encrypted fields.
 */
export async function claim(steps: Steps, model: Model, where: Input): Promise<ClaimedRow | undefined> {
  const { sealing } = model
  if (sealing === undefined) return undefined
  if (sealing.tolerant) return claimTolerated(steps, model, sealing, where)
  const { session, rewriting } = steps
  return untilWon(model, rewriting, async () => {
    const row = await read(steps, model, where)
    if (row === undefined) return undefined
    const [opened] = await openAll([row], model, sealing, rewriting)
    if (opened === undefined) throw new Error('the cipher opened too few rows')
    const envelope = row[sealing.field]
    const locked = await session.run(model, 'updateMany', {
      where: { AND: [where, keysFilter(model, [row]), { [sealing.field]: { equals: envelope } }] },
      data: { ...renewedBy(model, row), [sealing.field]: envelope },
    })
    return isInput(locked) && locked['count'] === 1 ? { model, row, sealing, opened } : LOST
  })
}

/**
 * Locks a row that may have no envelope, or hold what something else wrote, and brings it into the state that its model's mode writes: what follows then
 * deals with envelopes alone.
 */
function claimTolerated(steps: Steps, model: Model, sealing: Sealing, where: Input): Promise<ClaimedRow | undefined> {
  const { session, rewriting } = steps
  return untilWon(model, rewriting, async () => {
    const found = await read(steps, model, where)
    if (found === undefined) return undefined
    await lockRow(session, model, found)
    const row = await read(steps, model, { AND: [where, keysFilter(model, [found])] })
    if (row === undefined) return LOST
    const [opened] = await openAll([row], model, sealing, rewriting)
    if (opened === undefined) throw new Error('the cipher opened too few rows')
    const merged = merge(row, opened, model, sealing, {}, new Map(), rewriting)
    if (!isUntidy(opened, merged)) return { model, row, sealing, opened }
    await writeLocked(steps, model, sealing, [{ row, merged }])
    const tidied = await read(steps, model, keysFilter(model, [row]))
    const [known] = tidied === undefined ? [] : await openAll([tidied], model, sealing, rewriting)
    return tidied === undefined || known === undefined ? LOST : { model, row: tidied, sealing, opened: known }
  })
}

/** Whether a row must be written apart from others: more than the envelope changes, or there was none, or is to be none. */
export function isUntidy(opened: RowRecord, { record, isExclusive, foreign }: Merged): boolean {
  return isExclusive || foreign.length > 0 || (opened === UNSEALED) !== (record === undefined)
}

/** Writes what rows that are locked were merged to, each by itself, and renews no `@updatedAt`. */
export async function writeLocked(
  { session, rewriting }: Steps,
  model: Model,
  sealing: Sealing,
  rows: readonly { readonly row: Row; readonly merged: Merged }[],
): Promise<void> {
  const next = rewriting.next()
  const writes = rows.map(({ row, merged }) => ({
    row,
    merged,
    data: mergedData(row, merged, model, sealing, {}, new Map(), next),
  }))
  await next.settle()
  for (const { row, merged, data } of writes) {
    const where = keysFilter(model, [row])
    const written = await session.run(model, 'updateMany', { where, data: { ...renewedBy(model, row), ...data } })
    if (!isInput(written) || written['count'] !== 1) {
      throw rewriting.error('CONFLICT', 'a row was not there any more, though it was locked', model)
    }
    reportForeignWrites(row, merged, model, rewriting)
  }
}

async function read({ session }: Steps, model: Model, where: Input): Promise<Row | undefined> {
  const select = selectOf([...sealedFields(model), ...renewedFields(model)])
  const row = await session.run(model, 'findFirst', { where, select })
  return isInput(row) ? row : undefined
}

function renewedBy(model: Model, row: Row): Row {
  return Object.fromEntries(renewedFields(model).map((name) => [name, row[name]]))
}

/** Seals a claimed row for what it is bound to once `after` holds, if that is not what it was. */
export async function rebind(steps: Steps, claimed: ClaimedRow, after: Row): Promise<void> {
  const { session, rewriting } = steps
  const { model, sealing, row, opened } = claimed
  await refuseTwin(steps, claimed, after)
  if (opened === UNSEALED) return
  const bound =
    (values: Row): Lookup =>
    (field) => ({ value: values[field] })
  const before = bindingOf(model, sealing, bound(row), rewriting)
  const binding = bindingOf(model, sealing, bound(after), rewriting)
  const changed = sealing.bound.map(({ name }) => name).filter((_, i) => binding[i]?.value !== before[i]?.value)
  if (changed.length === 0) return
  const { record } = merge(row, opened, model, sealing, {}, new Map(), rewriting)
  if (record === undefined) throw new Error('a claimed row holds nothing that its mode seals')
  const out: Record<string, unknown> = {}
  const next = rewriting.next()
  replaceValues(out, scopedBy(sealing, changed, record, new Map()), scopeFrom(sealing, binding), next)
  const subject = () => subjectBy(model, bound({ ...row, ...after }), [])
  next.seal(rowToSeal(model, sealing, binding, record, next, row[sealing.field]), subject, (envelope) => {
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

/** Claims the unique keys that a row has come to have; where another row has one, the database refuses what is then written. */
async function refuseTwin({ session, rewriting }: Steps, { model, sealing, row, opened }: ClaimedRow, after: Row): Promise<void> {
  const now: Row = { ...row, ...after }
  const changed = new Set(
    Object.keys(after).filter((name) => isPartOfUnique(model, name, rewriting) && after[name] !== row[name]),
  )
  if (changed.size === 0) return
  const next = rewriting.next()
  const out: Record<string, unknown> = {}
  const updated = { model, sealing, row: now, record: opened.record, after: (name: string) => ({ value: now[name] }), out }
  claimUpdated(updated, changed, next)
  await next.settle()
  if (Object.keys(out).length > 0) await session.run(model, 'updateMany', { where: keysFilter(model, [now]), data: out })
}
