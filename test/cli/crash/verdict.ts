import { isDeepStrictEqual } from 'node:util'
import {
  allowed,
  type Entry,
  type Key,
  type Log,
  type ModelName,
  nameOf,
  type PossibleRow,
  type RowLog,
  type Values,
} from './ledger.ts'

/** Opened rows of each model; a row that could not be read has its key alone. */
export type Contents = Readonly<Record<ModelName, readonly Values[]>>

/** Compares what the tables hold with what the writers were told: each deviation by its place and the operations in question, without any value. */
export function problemsOf({ rows, possible }: Log, contents: Contents): readonly string[] {
  const held = new Map<string, Values>()
  for (const [model, ofModel] of Object.entries(contents))
    for (const row of ofModel) held.set(nameOf(model as ModelName, row['id'] as Key), row)
  const logged = new Set(rows.map(({ model, key }) => nameOf(model, key)))
  return [
    ...rows.flatMap((log) => problemsOfRow(log, held.get(nameOf(log.model, log.key)))),
    ...[...held].flatMap(([name, row]) =>
      logged.has(name) || possible.some((one) => isIt(one, name, row)) ? [] : [`${name} is there, though nobody created it`],
    ),
  ]
}

function problemsOfRow({ model, key, presence, fields }: RowLog, row: Values | undefined): readonly string[] {
  const name = nameOf(model, key)
  const isThere = row !== undefined
  if (!allowed(presence).some(({ value }) => value === isThere))
    return [`${name} ${isThere ? 'is there' : 'is not there'}, though ${list(allowed(presence))} said otherwise`]
  if (row === undefined) return []
  return Object.entries(fields).flatMap(([field, entries]) => {
    if (!(field in row)) return []
    const actual = row[field]
    if (allowed(entries).some(({ value }) => isDeepStrictEqual(value, actual))) return []
    const writer = entries.findLast(({ value }) => isDeepStrictEqual(value, actual))
    const holds =
      writer === undefined ? `holds ${kindOf(actual)} that no operation wrote` : `holds what ${writer.operation} wrote`
    return [`${name}, ${field}: ${holds}, though ${list(allowed(entries))} came last`]
  })
}

function isIt({ model, values }: PossibleRow, name: string, row: Values): boolean {
  return name.startsWith(`${model} `) && Object.entries(values).every(([field, value]) => isDeepStrictEqual(row[field], value))
}

function list(entries: readonly Entry[]): string {
  return entries.map(({ operation, certain }) => (certain ? operation : `${operation}, perhaps,`)).join(' or ') || 'nothing'
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : `a ${value instanceof Date ? 'Date' : typeof value}`
}
