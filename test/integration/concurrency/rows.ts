import { models } from '../../support/client.ts'

export const MODELS = ['Person', 'Locker', 'Badge', 'Letter', 'Membership'] as const
export type ModelName = (typeof MODELS)[number]

/** A row by Prisma's names of its columns, without its envelope. */
export type Row = Readonly<Record<string, unknown>>

export function planOf(model: ModelName) {
  const plan = models[model]
  if (plan?.envelope === undefined) throw new Error(`no encrypted model ${model}`)
  return { ...plan, envelope: plan.envelope }
}

/** Names a row among those of all models. */
export function idOf(model: ModelName, row: Row): string {
  return nameOf(model, ...planOf(model).primaryKey.map((name) => row[name]))
}

export function nameOf(model: ModelName, ...key: readonly unknown[]): string {
  return [model, ...key].join(' ')
}

/** The model's columns alone, always in the same order. */
export function columnsOf(model: ModelName, row: Row): Row {
  const { columns, envelope } = planOf(model)
  const names = Object.keys(columns).filter((name) => name !== envelope.field)
  return Object.fromEntries(names.map((name) => [name, row[name]]))
}
