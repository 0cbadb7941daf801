import type { Envelope } from '../../envelope/contract.ts'
import { EnvelopeError } from '../../errors.ts'
import type { Json } from '../../plan.ts'
import { bindingOf } from '../binding.ts'
import { sealRows, subjectOf } from '../cipher-border.ts'
import { type EncodedValues, encodeValues, namesOf, replaceValues } from '../encrypted-values.ts'
import { type Input, isInput } from '../input.ts'
import { type Merged, merge, openAll } from '../merge.ts'
import type { EncryptedField, Model, Sealing } from '../model.ts'
import { place, type Row, type RowRecord } from '../opened-row.ts'
import { LOST, untilWon } from '../race.ts'
import type { Rewriting } from '../rewriting.ts'
import { requireContext, rowToSeal } from '../row-context.ts'
import { keyFields, keysFilter, knownFields, renewedFields, sealedFields, selectOf } from '../row-key.ts'
import { writesUniques } from '../unique-keys.ts'
import { boundIn, referencedIn } from '../update-data.ts'
import { isUntidy, writeLocked } from './claim.ts'
import { ciphertextOf, writeEnvelopes } from './envelope-writes.ts'
import { orAbort, type Steps } from './steps.ts'
import { findTarget, updateRow } from './update-row.ts'

/** Rows whose envelopes are in memory at the same time. */
const CHUNK = 10_000

/**
 * `updateMany` of columns that rows are sealed with. Each row gets a DEK of its own. Prisma updates the rows that `where` finds, with placeholders
 * in place of the values, which locks them; one more statement then writes their envelopes.
 *
 * @param where a rewritten `WhereInput`
 * @param data columns, as the caller gave them
 * @returns the rows that were updated, with {@link keyFields}
 */
export async function updateRows(
  steps: Steps,
  model: Model,
  where: Input,
  data: unknown,
  limit?: unknown,
): Promise<readonly Row[]> {
  const { session, rewriting } = steps
  const { sealing } = model
  if (!isInput(data)) throw rewriting.error('INVALID_VALUE', '`data` must be an object, as Prisma says', model)
  const bounds = rewriting.isAbsent(limit) ? {} : { limit }
  if (referencedIn(model, data, rewriting).length > 0 || writesUniques(model, data, rewriting)) {
    return oneByOne(steps, model, where, data, limit)
  }
  if (sealing === undefined) {
    const select = selectOf(keyFields(model))
    return (await session.run(model, 'updateManyAndReturn', { where, data, ...bounds, select })) as Row[]
  }
  const values = encodeValues(model, sealing, data, rewriting)
  if (changesTokens(model, sealing, data, values, rewriting)) return oneByOne(steps, model, where, data, limit)
  const written = await withPlaceholders(data, values, rewriting)
  // Of what is replaced nothing is kept, so that it need not come back.
  const replaced = new Set([...values.keys()].map(({ name }) => name))
  const known = knownFields(model)
  const needed = sealing.tolerant ? [...sealedFields(model), ...renewedFields(model)] : sealedFields(model)
  const select = selectOf(needed.filter((name) => !replaced.has(name) || known.includes(name)))
  const update = async (condition: Input, most: Input): Promise<readonly Row[]> => {
    const rows = (await session.run(model, 'updateManyAndReturn', {
      where: condition,
      data: written,
      ...most,
      select,
    })) as Row[]
    await orAbort(steps, () => sealAnew(steps, model, sealing, rows, data, values))
    return rows
  }
  const found = rewriting.isAbsent(limit)
    ? Number(await session.run(model, 'count', { where, take: CHUNK + 1 }))
    : Math.min(Number(limit), CHUNK + 1)
  if (found <= CHUNK) return update(where, bounds)
  const keys = (await session.run(model, 'findMany', {
    where,
    select: selectOf(keyFields(model)),
    ...(!rewriting.isAbsent(limit) && { take: limit }),
  })) as Row[]
  const updated: Row[] = []
  for (let at = 0; at < keys.length; at += CHUNK) {
    const rows = await update({ AND: [where, keysFilter(model, keys.slice(at, at + CHUNK))] }, {})
    // Their envelopes are written: only what names them is needed from here on.
    updated.push(...rows.map((row) => Object.fromEntries(keyFields(model).map((name) => [name, row[name]]))))
  }
  return updated
}

/** Where tokens, or what rows are bound to, differ from row to row, each row is written by itself. */
async function oneByOne(steps: Steps, model: Model, where: Input, data: Input, limit: unknown): Promise<readonly Row[]> {
  const { session, rewriting } = steps
  const take = rewriting.isAbsent(limit) ? {} : { take: limit }
  const keys = (await session.run(model, 'findMany', { where, select: selectOf(keyFields(model)), ...take })) as Row[]
  const updated: Row[] = []
  for (const key of keys) {
    const condition = { AND: [where, keysFilter(model, [key])] }
    const target = await findTarget(steps, model, condition)
    const known = target === undefined ? undefined : await updateRow(steps, target, data)
    if (known !== undefined) updated.push(known.row)
  }
  return updated
}

function changesTokens(model: Model, sealing: Sealing, data: Input, values: EncodedValues, rewriting: Rewriting): boolean {
  if (boundIn(model, sealing, data, rewriting).length > 0) return true
  return [...values].some(([field, value]) => value !== null && (field.search?.scope.length ?? 0) > 0)
}

async function withPlaceholders(data: Input, values: EncodedValues, rewriting: Rewriting): Promise<Input> {
  const out: Record<string, unknown> = { ...data }
  const next = rewriting.next()
  replaceValues(out, values, () => [], next)
  await next.settle()
  return out
}

async function sealAnew(
  steps: Steps,
  model: Model,
  sealing: Sealing,
  rows: readonly Row[],
  data: Input,
  values: EncodedValues,
): Promise<void> {
  const { session, rewriting } = steps
  let left = rows
  await untilWon(model, rewriting, async () => {
    if (left.length === 0) return undefined
    const merged = await mergedRows(left, model, sealing, data, values, rewriting)
    const untidy = merged.filter(({ isAlone }) => isAlone)
    await writeLocked(steps, model, sealing, untidy)
    const sealed = merged.flatMap(({ row, merged: { record }, isAlone }) => {
      if (isAlone || record === undefined) return []
      const binding = bindingOf(model, sealing, (field) => ({ value: row[field] }), rewriting)
      const envelope = row[sealing.field]
      // Of rows that were not opened, nobody has asked yet.
      requireContext(model, sealing, binding, envelope, rewriting, () => place(row, model, rewriting))
      return [{ row, toSeal: rowToSeal(model, sealing, binding, record, rewriting, envelope) }]
    })
    const names = namesOf(values)
    const envelopes = await sealRows(
      sealed.map(({ toSeal }) => toSeal),
      (i) => subjectOf(model, sealed[i]?.row ?? {}, names),
      rewriting,
    )
    const writes = sealed.map(({ row }, i) => ({ key: row, before: row[sealing.field], envelope: envelopes[i] as Envelope }))
    if ((await writeEnvelopes(session, model, sealing, writes)) === writes.length) return undefined
    // Another operation of the caller's own transaction came between.
    const where = keysFilter(
      model,
      sealed.map(({ row }) => row),
    )
    const select = selectOf([...sealedFields(model), ...renewedFields(model)])
    const now = (await session.run(model, 'findMany', { where, select })) as Row[]
    const done = new Set<unknown>(envelopes.map(({ ct }) => ct))
    left = now.filter((row) => !done.has(ciphertextOf(row[sealing.field])))
    return LOST
  })
}

interface MergedRow {
  readonly row: Row
  readonly merged: Merged
  /** Written by itself. */
  readonly isAlone: boolean
}

/**
 * What the rows hold with the new values in it. Rows that hold these fields and no others need not be opened, unless they are under a context, which is not
 * to be believed before.
 */
async function mergedRows(
  rows: readonly Row[],
  model: Model,
  sealing: Sealing,
  data: Input,
  values: EncodedValues,
  rewriting: Rewriting,
): Promise<readonly MergedRow[]> {
  const record = Object.fromEntries([...values].map(([field, value]: [EncryptedField, Json]) => [field.identity, value]))
  const whole: Merged = { record, beside: new Map(), restored: {}, foreign: [], isExclusive: false }
  const isWhole = (row: Row): boolean => {
    const envelope = row[sealing.field]
    if (!isInput(envelope) || envelope['ctx'] !== undefined) return false
    return values.size === sealing.sealed.length && envelope['fs'] === sealing.fieldSet
  }
  const others = rows.filter((row) => !isWhole(row))
  const opened = others.length === 0 ? [] : await openAll(others, model, sealing, rewriting)
  let next = 0
  return rows.map((row) => {
    if (isWhole(row)) return { row, merged: whole, isAlone: false }
    const own: RowRecord | undefined = opened[next++]
    if (own === undefined) throw new EnvelopeError('CANNOT_OPEN', 'the row was not opened')
    const merged = merge(row, own, model, sealing, data, values, rewriting)
    return { row, merged, isAlone: isUntidy(own, merged) }
  })
}
