import type { ColumnPlan, ModelPlan } from '../../plan.ts'

/** A name as SQL takes any. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function tableOf({ table }: ModelPlan): string {
  return table.schema === undefined ? quoted(table.name) : `${quoted(table.schema)}.${quoted(table.name)}`
}

/** A column of a key as PostgreSQL reads it from text. */
export function textOf(column: ColumnPlan, value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`
  const text = String(value)
  return column.values?.[text] ?? text
}
