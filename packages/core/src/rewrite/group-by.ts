import type { Call } from './call.ts'
import { type Input, isInput, listOf } from './input.ts'
import { openAll } from './merge.ts'
import type { EncryptedField, Model, Sealing } from './model.ts'
import { type Row, valueOf } from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'
import { filterOf, keyFields, sealedFields, selectOf } from './row-key.ts'

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
 * Runs a `groupBy` whose conditions are rewritten. Of each group the row with the lowest primary key gives the decrypted value.
 *
 * @param args rewritten and settled
 */
export async function runGroupBy(call: Call, args: Input, rewriting: Rewriting): Promise<unknown> {
  const { model } = call
  const { sealing } = model
  const grouped = sealing === undefined ? [] : groupedFields(sealing, args['by'])
  if (sealing === undefined || grouped.length === 0) return call.query(args)
  const by = listOf(args['by']).filter((name) => typeof name === 'string')
  const lowest = lowestKey(model, args)
  const result = await call.query(lowest === undefined ? args : { ...args, _min: lowest.min })
  const groups = Array.isArray(result) ? result.filter(isInput) : []
  if (groups.length === 0) return result
  const rows =
    lowest === undefined
      ? await firstOfEach(call, args, groups, by)
      : await rowsOf(call, { [lowest.key]: { in: groups.map(lowest.of) } }, by)
  const opened = await openAll(rows, model, sealing, rewriting)
  const nameOf = (row: Input): string => textOf(lowest === undefined ? by.map((name) => row[name]) : row[lowest.key])
  const byName = new Map(rows.map((row, i) => [nameOf(row), { row, opened: opened[i] }]))
  return groups.map((group) => {
    const found = byName.get(lowest === undefined ? nameOf(group) : textOf(lowest.of(group)))
    const out: Record<string, unknown> = lowest === undefined ? { ...group } : lowest.strip(group)
    for (const field of grouped) {
      if (group[field.name] === null) continue
      if (found?.opened === undefined)
        throw rewriting.error('CONFLICT', 'a group was gone before it could be read; try again', model)
      out[field.name] = valueOf(found.opened, field, found.row[field.name], found.row, model, rewriting)
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
function firstOfEach(call: Call, args: Input, groups: readonly Input[], by: readonly string[]): Promise<readonly Row[]> {
  const conditions = groups.map((group) => Object.fromEntries(by.map((name) => [name, conditionOf(group[name])])))
  const orderBy = keyFields(call.model).map((name) => ({ [name]: 'asc' }))
  const where = { AND: [filterOf(call.model, args['where']), { OR: conditions }] }
  return rowsOf(call, where, by, { distinct: by, orderBy })
}

/** Lists are compared by an operator only. */
function conditionOf(value: unknown): unknown {
  return Array.isArray(value) ? { equals: value } : value
}

async function rowsOf({ session, model }: Call, where: Input, by: readonly string[], more: Input = {}): Promise<readonly Row[]> {
  return (await session.run(model, 'findMany', { where, ...more, select: selectOf([...sealedFields(model), ...by]) })) as Row[]
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner))
}
