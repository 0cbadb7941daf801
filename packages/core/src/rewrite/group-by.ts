import type { Call } from './call.ts'
import { type Input, isInput, listOf } from './input.ts'
import { openAll } from './merge.ts'
import type { EncryptedField, Model, Sealing } from './model.ts'
import { NeedsSteps } from './needs-steps.ts'
import { type Row, valueOf } from './opened-row.ts'
import { LOST, untilWon } from './race.ts'
import { Rewriting } from './rewriting.ts'
import { filterOf, keyFields, sealedFields, selectOf } from './row-key.ts'
import type { Session } from './session.ts'

/** Searchable fields that `by` names. Groups of tokens are the groups of their values, under `normalize` and within their scope. */
function groupedFields(sealing: Sealing, by: unknown): readonly EncryptedField[] {
  return listOf(by).flatMap((name) => {
    const field = typeof name === 'string' ? sealing.byName.get(name) : undefined
    return field?.search === undefined ? [] : [field]
  })
}

/** Types whose least value PostgreSQL can tell in every version. */
const ORDERED: ReadonlySet<string> = new Set(['String', 'Int', 'BigInt', 'DateTime'])

/**
 * Runs a `groupBy` whose conditions are rewritten. Of each group the row with the lowest primary key gives the decrypted value. Where groups and rows
 * are not of one moment (another writer came between, or a read replica that lags behind gave the groups), both are read again in one transaction.
 *
 * @param args rewritten and settled
 * @throws NeedsSteps in batch transactions: what stands after it in the batch would change the rows before they are read.
 */
export async function runGroupBy(call: Call, args: Input, rewriting: Rewriting): Promise<unknown> {
  const { model } = call
  const { sealing } = model
  const fields = sealing === undefined ? [] : groupedFields(sealing, args['by'])
  if (sealing === undefined || fields.length === 0) return call.query(args)
  if (call.transaction === 'batch')
    throw new NeedsSteps(rewriting.error('UNSUPPORTED', 'a `groupBy` by an encrypted field takes two queries', model))
  if (call.transaction === 'none') {
    const result = await groupsWithValues({ model, sealing, fields, args, rewriting }, call.query, call.session)
    if (result !== LOST) return result
  }
  return call.inTransaction((session, tools) => {
    const grouping = { model, sealing, fields, args, rewriting: new Rewriting(tools, call.operation) }
    return untilWon(model, rewriting, () => groupsWithValues(grouping, (own) => session.answer('groupBy', own), session))
  })
}

interface Grouping {
  readonly model: Model
  readonly sealing: Sealing
  readonly fields: readonly EncryptedField[]
  readonly args: Input
  readonly rewriting: Rewriting
}

async function groupsWithValues(
  { model, sealing, fields, args, rewriting }: Grouping,
  query: (args: Input) => Promise<unknown>,
  session: Session,
): Promise<unknown> {
  const by = listOf(args['by']).filter((name) => typeof name === 'string')
  const lowest = lowestKey(model, args)
  const result = await query(lowest === undefined ? args : { ...args, _min: lowest.min })
  const groups = Array.isArray(result) ? result.filter(isInput) : []
  if (groups.length === 0) return result
  const read = (where: Input, more: Input = {}): Promise<readonly Row[]> =>
    session.run(model, 'findMany', { where, ...more, select: selectOf([...sealedFields(model), ...by]) }) as Promise<Row[]>
  const rows =
    lowest === undefined
      ? await firstOfEach(model, args, groups, by, read)
      : await read({ [lowest.key]: { in: groups.map(lowest.of) } })
  const nameOf = (row: Input, key?: unknown): string => textOf([...by.map((name) => row[name]), key])
  const found = new Map(rows.map((row) => [nameOf(row, lowest && row[lowest.key]), row]))
  const firsts = groups.map((group) => found.get(nameOf(group, lowest?.of(group))))
  if (!firsts.every(isInput)) return LOST
  const names = fields.map(({ name }) => name)
  const opened = await openAll(firsts, model, sealing, rewriting, names)
  return groups.map((group, i) => {
    const [first, row] = [firsts[i], opened[i]]
    if (first === undefined || row === undefined) throw new Error('the cipher opened too few rows')
    const out: Record<string, unknown> = lowest === undefined ? { ...group } : lowest.strip(group)
    for (const field of fields) {
      if (group[field.name] !== null) out[field.name] = valueOf(row, field, first[field.name], first, model, rewriting)
    }
    return out
  })
}

/** How the groups themselves can name the row with their lowest key; undefined where PostgreSQL has no `min` for it. */
function lowestKey(model: Model, args: Input) {
  const [key, ...others] = keyFields(model)
  const column = key === undefined ? undefined : model.plan.columns[key]
  if (key === undefined || column === undefined || others.length > 0) return undefined
  if (!ORDERED.has(column.type) || column.native?.name === 'Uuid' || column.encrypted !== undefined) return undefined
  const asked = isInput(args['_min']) ? args['_min'] : undefined
  const isAsked = asked?.[key] === true
  const minOf = (group: Input): Input => (isInput(group['_min']) ? group['_min'] : {})
  return {
    key,
    min: { ...asked, [key]: true },
    of: (group: Input): unknown => minOf(group)[key],
    strip: (group: Input): Record<string, unknown> => {
      const { _min: _, ...rest } = group
      if (asked === undefined) return rest
      const kept = Object.entries(minOf(group)).filter(([name]) => isAsked || name !== key)
      return { ...group, _min: Object.fromEntries(kept) }
    },
  }
}

/** One row of each group by `distinct`, for keys of several columns and those without an order. */
function firstOfEach(
  model: Model,
  args: Input,
  groups: readonly Input[],
  by: readonly string[],
  read: (where: Input, more: Input) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const conditions = groups.map((group) => Object.fromEntries(by.map((name) => [name, conditionOf(group[name])])))
  const orderBy = keyFields(model).map((name) => ({ [name]: 'asc' }))
  return read({ AND: [filterOf(model, args['where']), { OR: conditions }] }, { distinct: by, orderBy })
}

/** Lists are compared by an operator only. */
function conditionOf(value: unknown): unknown {
  return Array.isArray(value) ? { equals: value } : value
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner))
}
