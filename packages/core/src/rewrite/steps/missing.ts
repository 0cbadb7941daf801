import type { ColumnPlan } from '../../plan.ts'
import { type Input, isInput, listOf } from '../input.ts'
import type { Model, Relation } from '../model.ts'
import type { Rewriting } from '../rewriting.ts'
import { keyFields, keyOf, nothing } from '../row-key.ts'
import type { KnownRow, Steps } from './steps.ts'

/** `where`, so that nothing meets it; none of its own conditions changes. */
export function impossible(model: Model, where: unknown, rewriting: Rewriting): Input {
  const given = isInput(where) ? where : {}
  const and = rewriting.isAbsent(given['AND']) ? [] : listOf(given['AND'])
  return { ...given, AND: [...and, nothing(model)] }
}

/**
 * Throws what Prisma throws where a nested write does not find its row: it is asked to do the write on a row that can't be.
 *
 * @param argument of the nested write, with an {@link impossible} condition and rewritten, if any, data.
 */
export async function missing(
  { session, rewriting }: Steps,
  { model, row }: KnownRow,
  relation: Relation,
  operation: string,
  argument: unknown,
): Promise<never> {
  await session.run(model, 'update', { where: keyOf(model, row), data: { [relation.name]: { [operation]: argument } } })
  throw rewriting.error('CONFLICT', `another writer changed ${relation.name} in between; try again`, model)
}

/** Data that would change something, which Prisma leaves no update without; it is never written. */
export function someData({ plan, sealing }: Model): Input {
  if (sealing !== undefined) return { [sealing.field]: {} }
  const [name, column] = Object.entries(plan.columns).find(([, { list }]) => list !== true) ?? []
  return name === undefined || column === undefined ? {} : { [name]: sampleOf(column) }
}

/** A `WhereUniqueInput` of the right shape. */
export function someKey(model: Model): Input {
  const samples = keyFields(model).map((name) => [name, sampleOf(model.plan.columns[name] as ColumnPlan)] as const)
  return keyOf(model, Object.fromEntries(samples))
}

function sampleOf(column: ColumnPlan): unknown {
  const samples: Readonly<Record<ColumnPlan['type'], unknown>> = {
    String: column.native?.name === 'Uuid' ? '00000000-0000-0000-0000-000000000000' : '',
    Int: 0,
    BigInt: 0,
    Float: 0,
    Decimal: 0,
    Boolean: false,
    DateTime: new Date(0),
    Json: {},
    Bytes: new Uint8Array(),
    Enum: Object.keys(column.values ?? {})[0],
  }
  return samples[column.type]
}
