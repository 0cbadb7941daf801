import { type ModelName, nameOf, type Row } from './rows.ts'

type Change = (before: Row | undefined) => Row | undefined

/** What an acknowledged operation has done to one row, or to all rows of which something holds. */
export type Effect =
  | { readonly on: string; readonly change: Change }
  | {
      readonly model: ModelName
      /** Of the row as it was. */
      readonly where: (row: Row) => boolean
      readonly change: Change
      /** How many rows it was, where the operation has said so. */
      readonly count?: number
    }

/** Columns of a row that is there. */
export function set(model: ModelName, key: unknown, values: Row, increased?: string): Effect {
  return { on: nameOf(model, key), change: (before) => before && changed(before, values, increased) }
}

/** A row that was not there. */
export function inserted(model: ModelName, key: unknown, row: Row): Effect {
  return { on: nameOf(model, key), change: (before) => (before === undefined ? row : undefined) }
}

/** Either of the two. */
export function upserted(model: ModelName, key: unknown, row: Row, values: Row, increased?: string): Effect {
  return {
    on: nameOf(model, key),
    change: (before) => (before === undefined ? row : changed(before, values, increased)),
  }
}

export function removed(model: ModelName, key: unknown): Effect {
  return { on: nameOf(model, key), change: () => undefined }
}

export function setAll(model: ModelName, where: (row: Row) => boolean, values: Row, increased?: string, count?: number): Effect {
  return {
    model,
    where,
    change: (before) => before && changed(before, values, increased),
    ...(count !== undefined && { count }),
  }
}

export function removedAll(model: ModelName, where: (row: Row) => boolean): Effect {
  return { model, where, change: () => undefined }
}

function changed(before: Row, values: Row, increased?: string): Row {
  const counted = increased === undefined ? {} : { [increased]: Number(before[increased]) + 1 }
  return { ...before, ...values, ...counted }
}
