import type { ColumnPlan, ModelPlan } from '../../plan.ts'

/** A name as SQL takes any. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * @param schema of tables without `@@schema`. Prisma names it, and so does this: `search_path` may say something else.
 */
export function tableOf({ table }: ModelPlan, schema: string): string {
  return `${quoted(table.schema ?? schema)}.${quoted(table.name)}`
}

/** A column of a key as PostgreSQL reads it from text. */
export function textOf(column: ColumnPlan, value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`
  const text = String(value)
  return column.values?.[text] ?? text
}
