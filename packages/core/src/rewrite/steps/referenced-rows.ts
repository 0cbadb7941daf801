import { type Input, isInput } from '../input.ts'
import type { Model, Relation } from '../model.ts'
import type { Row } from '../opened-row.ts'
import { filterOf, knownFields, requireUnique, selectOf } from '../row-key.ts'
import { rewriteUniqueWhere } from '../where.ts'
import type { NestedWrite } from './nested.ts'
import type { Steps } from './steps.ts'

/** The row that a `connect` names. */
export async function findReferenced({ session, rewriting }: Steps, model: Model, where: unknown): Promise<Row | undefined> {
  requireUnique(model, where, 'connect', rewriting)
  const next = rewriting.next()
  const rewritten = rewriteUniqueWhere(model, where, next)
  await next.settle()
  const row = await session.run(model, 'findFirst', { where: filterOf(model, rewritten), select: selectOf(knownFields(model)) })
  return isInput(row) ? row : undefined
}

/** The columns and the nested writes of an update. */
export interface Parts {
  readonly columns: Input
  readonly nested: readonly NestedWrite[]
}

/**
 * Turns `connect` to a row that this one references into its foreign key, as Prisma does: it looks for that row before it writes this one's columns,
 * which may be what the row is found by. One-to-one relations have other rules, and are left to Prisma.
 */
export async function inlineConnects(steps: Steps, { columns, nested }: Parts): Promise<Parts> {
  if (!Object.values(columns).some((value) => !steps.rewriting.isAbsent(value))) return { columns, nested }
  const inlined: Record<string, unknown> = { ...columns }
  const left: NestedWrite[] = []
  for (const write of nested) {
    const where = connectAlone(write, steps)
    const row = where === undefined ? undefined : await findReferenced(steps, write.relation.model, where)
    if (row === undefined) left.push(write)
    else Object.assign(inlined, foreignKeyTo(write.relation, row))
  }
  return { columns: inlined, nested: left }
}

function connectAlone({ relation, operations }: NestedWrite, { rewriting }: Steps): unknown {
  if (relation.plan.from.length === 0 || relation.opposite.list !== true) return undefined
  const [first, ...others] = Object.entries(operations).filter(([, argument]) => !rewriting.isAbsent(argument))
  return first !== undefined && others.length === 0 && first[0] === 'connect' ? first[1] : undefined
}

function foreignKeyTo({ plan }: Relation, row: Row): Row {
  return Object.fromEntries(plan.from.map((name, i) => [name, row[plan.to[i] as string]]))
}
