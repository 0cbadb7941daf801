import type { KeyStorePlan, ModelPlan } from 'prisma-envelope/rows'

/** A name as SQL takes any. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A text constant, whatever `standard_conforming_strings` says. */
export function literal(text: string): string {
  const escaped = text.replaceAll("'", "''")
  return escaped.includes('\\') ? ` E'${escaped.replaceAll('\\', '\\\\')}'` : `'${escaped}'`
}

export function tableOf({ table }: Pick<ModelPlan, 'table'>): string {
  return table.schema === undefined ? quoted(table.name) : `${quoted(table.schema)}.${quoted(table.name)}`
}

/** The key store's columns, quoted. */
export function columnsOf({ columns }: KeyStorePlan): KeyStorePlan['columns'] {
  return Object.fromEntries(Object.entries(columns).map(([field, column]) => [field, quoted(column)])) as KeyStorePlan['columns']
}
