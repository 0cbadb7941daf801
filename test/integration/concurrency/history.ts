import { isDeepStrictEqual } from 'node:util'
import type { EncryptedClient } from '../../support/encrypted-client.ts'
import { columnsOf, idOf, MODELS, type ModelName, planOf, type Row } from './rows.ts'
import type { Version } from './witness.ts'

/** What one transaction has made of a row. */
export interface Transition {
  readonly transaction: string
  readonly id: string
  readonly model: ModelName
  readonly before: Row | undefined
  readonly after: Row | undefined
  /** The row as the transaction has deleted it, which it may have changed first. */
  readonly deleted?: Row | undefined
}

/** Opens rows of one model, as SQL has read them. */
export type Open = (model: ModelName, stored: readonly Row[]) => Promise<readonly Row[]>

/**
 * What each transaction has made of each row that it wrote: rows that nobody but the transaction itself could see are left out.
 *
 * @throws what opening a row throws.
 */
export async function transitionsOf(versions: readonly Version[], open: Open): Promise<readonly Transition[]> {
  const committed = new Map<string, Version>()
  for (const version of versions) committed.set(`${version.transaction} ${idOf(version.model, version.key)}`, version)
  const opened = await openAll([...committed.values()], open)
  const current = new Map<string, Row | undefined>()
  return [...committed.values()].map((version) => {
    const id = idOf(version.model, version.key)
    const before = current.get(id)
    const last = opened.get(version)
    const after = version.deleted ? undefined : last
    current.set(id, after)
    const deleted = version.deleted ? last : undefined
    return { transaction: version.transaction, id, model: version.model, before, after, deleted }
  })
}

async function openAll(versions: readonly Version[], open: Open): Promise<ReadonlyMap<Version, Row>> {
  const opened = new Map<Version, Row>()
  for (const model of MODELS) {
    const present = versions.filter((version) => version.model === model)
    const rows = await open(
      model,
      present.map(({ stored }) => stored),
    )
    present.forEach((version, i) => opened.set(version, rows[i] ?? {}))
  }
  return opened
}

/** Rows of plain Prisma are open. */
export const openPlain: Open = (model, stored) => Promise.resolve(stored.map((row) => named(model, row)))

/** Opens sealed rows, and compares their columns with what must stand there beside the record. */
export function opening({ $envelope }: EncryptedClient): Open {
  return async (model, stored) => {
    const { reveal, token } = $envelope
    const rows = (await reveal(model, stored)).map((row) => named(model, row))
    await Promise.all(rows.map(async (row, i) => matches(model, row, named(model, stored[i] ?? {}), token)))
    return rows
  }
}

async function matches(model: ModelName, row: Row, stored: Row, token: EncryptedClient['$envelope']['token']): Promise<void> {
  for (const [field, { encrypted, type }] of Object.entries(planOf(model).columns)) {
    const value = row[field]
    if (encrypted === undefined) continue
    const scope = Object.fromEntries((encrypted.search?.scope ?? []).map((name) => [name, row[name]]))
    const expected =
      value === null
        ? null
        : encrypted.search === undefined
          ? placeholderOf(type, encrypted.placeholder)
          : await token(`${model}.${field}`, value as string, scope)
    if (!isDeepStrictEqual(stored[field], expected))
      throw new Error(
        `${idOf(model, row)}: the column of ${field} is of another value: ${JSON.stringify(stored[field])}, not ${JSON.stringify(expected)}`,
      )
  }
}

/** A row by Prisma's names. */
function named(model: ModelName, stored: Row): Row {
  const { columns } = planOf(model)
  const byName = Object.fromEntries(
    Object.entries(columns).map(([name, { column }]) => [name, stored[column] ?? stored[name] ?? null]),
  )
  return columnsOf(model, byName)
}

/** The plan has that of Json in a list of one. */
function placeholderOf(type: string, placeholder: unknown): unknown {
  return type === 'Json' && Array.isArray(placeholder) ? placeholder[0] : placeholder
}
