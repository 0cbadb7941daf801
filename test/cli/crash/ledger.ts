export type ModelName = 'Patient' | 'Condition' | 'Member'
export const MODELS: readonly ModelName[] = ['Patient', 'Condition', 'Member']
export type Key = string | number
export type Values = Readonly<Record<string, unknown>>

/** What an operation did to a row, or may have done, by its number. */
export interface Entry {
  readonly operation: string
  readonly value: unknown
  /** False where the writer was never told how its operation ended. */
  readonly certain: boolean
}

/** All that is known of one row. */
export interface RowLog {
  readonly model: ModelName
  readonly key: Key
  /** Whether it is there. */
  readonly presence: readonly Entry[]
  readonly fields: Readonly<Record<string, readonly Entry[]>>
}

/** A row that may have been made, under a key that nobody was told. */
export interface PossibleRow {
  readonly model: ModelName
  readonly operation: string
  readonly values: Values
}

export interface Log {
  readonly rows: readonly RowLog[]
  readonly possible: readonly PossibleRow[]
}

export type Effect =
  | { readonly kind: 'created'; readonly model: ModelName; readonly key: Key | undefined; readonly values: Values }
  | { readonly kind: 'set'; readonly model: ModelName; readonly key: Key; readonly values: Values }
  | { readonly kind: 'deleted'; readonly model: ModelName; readonly key: Key }

interface Row {
  readonly model: ModelName
  readonly key: Key
  readonly presence: Entry[]
  readonly fields: Record<string, Entry[]>
}

export const nameOf = (model: ModelName, key: Key): string => `${model} ${key}`

/** What one writer was told of its operations, in their order. */
export class Ledger {
  readonly #rows = new Map<string, Row>()
  readonly #possible: PossibleRow[] = []

  constructor({ rows, possible }: Log = { rows: [], possible: [] }) {
    for (const { model, key, presence, fields } of rows) {
      const copies = Object.entries(fields).map(([field, entries]) => [field, [...entries]])
      this.#rows.set(nameOf(model, key), { model, key, presence: [...presence], fields: Object.fromEntries(copies) })
    }
    this.#possible.push(...possible)
  }

  write(operation: string, effects: readonly Effect[], certain: boolean): void {
    for (const effect of effects) this.#apply(operation, effect, certain)
  }

  #apply(operation: string, effect: Effect, certain: boolean): void {
    const { model, key } = effect
    if (key === undefined) {
      if (effect.kind === 'created') this.#possible.push({ model, operation, values: effect.values })
      return
    }
    const name = nameOf(model, key)
    const row = this.#rows.get(name) ?? { model, key, presence: [], fields: {} }
    this.#rows.set(name, row)
    if (effect.kind !== 'set') row.presence.push({ operation, value: effect.kind === 'created', certain })
    if (effect.kind === 'deleted') return
    for (const [field, value] of Object.entries(effect.values)) {
      const entries = row.fields[field] ?? []
      entries.push({ operation, value, certain })
      row.fields[field] = entries
    }
  }

  /** Keys of the rows that are certainly there and that this writer alone changes. */
  own(model: ModelName): readonly Key[] {
    return [...this.#rows.values()]
      .filter((row) => row.model === model && isOne(allowed(row.presence), true))
      .map(({ key }) => key)
  }

  /** A field's value, where only one is possible. */
  value(model: ModelName, key: Key, field: string): { readonly value: unknown } | undefined {
    const values = allowed(this.#rows.get(nameOf(model, key))?.fields[field] ?? [])
    return values.length === 1 && values[0] !== undefined ? { value: values[0].value } : undefined
  }

  /** Its rows of which all of `fields` are certain and as given. */
  where(model: ModelName, fields: Values): readonly Key[] {
    return this.own(model).filter((key) =>
      Object.entries(fields).every(([field, value]) => this.value(model, key, field)?.value === value),
    )
  }

  log(): Log {
    return { rows: [...this.#rows.values()], possible: this.#possible }
  }
}

/** What may hold in the end: what was acknowledged last, or what came after it and may have been done. */
export function allowed(entries: readonly Entry[]): readonly Entry[] {
  return entries.slice(
    Math.max(
      0,
      entries.findLastIndex(({ certain }) => certain),
    ),
  )
}

function isOne(entries: readonly Entry[], value: unknown): boolean {
  return entries.length === 1 && entries[0]?.value === value
}

/** Several writers' logs as one: no field of a row is written by two of them. */
export function merged(logs: readonly Log[]): Log {
  const rows = new Map<string, Row>()
  for (const { model, key, presence, fields } of logs.flatMap((log) => log.rows)) {
    const name = nameOf(model, key)
    const row = rows.get(name) ?? { model, key, presence: [], fields: {} }
    rows.set(name, row)
    row.presence.push(...presence)
    for (const [field, entries] of Object.entries(fields)) row.fields[field] = [...(row.fields[field] ?? []), ...entries]
  }
  return { rows: [...rows.values()], possible: logs.flatMap(({ possible }) => possible) }
}
