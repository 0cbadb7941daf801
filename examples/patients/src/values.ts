import { models } from '../generated/envelope/index.ts'
import { Prisma } from '../generated/prisma/client.ts'
import type { Condition, Data, Patient } from './data/data.ts'

type Value = Patient[keyof Patient] | Condition[keyof Condition]

/** The texts under which a value could stand in the database. */
export function textsOf(value: Value): string[] {
  if (value === null) return []
  if (value instanceof Date) return [value.toISOString().slice(0, 10)]
  if (value instanceof Prisma.Decimal) return [value.toString(), value.toFixed()]
  return [String(value)]
}

/** Every value that must not be readable in the database. */
export function* secretTexts({ patients, conditions }: Data): Generator<string> {
  for (const [rows, plan] of [
    [patients, models.Patient],
    [conditions, models.Condition],
  ] as const) {
    const encrypted = Object.entries(plan.columns).filter(([, column]) => column.encrypted !== undefined)
    for (const row of rows) for (const [field] of encrypted) yield* textsOf(Reflect.get(row, field) as Value)
  }
}

export interface Comparison {
  readonly values: number
  /** `Model.field (id)` of what differs. */
  readonly differences: readonly string[]
}

/** Compares each field of each row with what went in; a row or a field too few or too many is a difference as well. */
export function compareRows(model: string, expected: readonly { id: string }[], actual: readonly { id: string }[]): Comparison {
  const byId = new Map(actual.map((row) => [row.id, row]))
  const differences: string[] = []
  let values = 0
  for (const row of expected) {
    const other = byId.get(row.id) ?? {}
    byId.delete(row.id)
    for (const field of new Set([...Object.keys(row), ...Object.keys(other)])) {
      values += 1
      if (!same(Reflect.get(row, field), Reflect.get(other, field))) differences.push(`${model}.${field} (${row.id})`)
    }
  }
  for (const id of byId.keys()) differences.push(`${model} (${id}), which nobody wrote`)
  if (actual.length !== new Set(actual.map(({ id }) => id)).size) differences.push(`${model}: a row came back twice`)
  return { values, differences }
}

function same(one: unknown, other: unknown): boolean {
  if (one instanceof Date) return other instanceof Date && one.getTime() === other.getTime()
  if (one instanceof Prisma.Decimal) return other instanceof Prisma.Decimal && one.equals(other)
  return Object.is(one, other)
}
