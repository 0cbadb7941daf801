import { type Input, isInput } from '../input.ts'
import type { Model } from '../model.ts'
import type { Row } from '../opened-row.ts'
import type { Rewriting } from '../rewriting.ts'
import { keyOf, knownFields, selectOf } from '../row-key.ts'
import type { Session } from '../session.ts'

/**
 * One operation of the caller's, done in several statements because rows have to be read before they can be sealed. What needs no sealing is
 * handed to Prisma as it is, a nested write at a time and in the caller's order, so that its rules and its errors stay Prisma's own.
 */
export interface Steps {
  readonly session: Session
  readonly rewriting: Rewriting
}

/** A row that exists, with {@link knownFields} as they are. */
export interface KnownRow {
  readonly model: Model
  readonly row: Row
  /** It went with a row that was deleted below it, whose key it referenced; `row` is what it was. */
  readonly isGone?: true
}

/** Runs an `update` of a known row, whose data is rewritten, and gives the row as it is then. */
export async function updateKnown({ session }: Steps, { model, row }: KnownRow, data: Input): Promise<KnownRow> {
  const updated = await session.run(model, 'update', {
    where: keyOf(model, row),
    data,
    select: selectOf(knownFields(model)),
  })
  return isInput(updated) ? { model, row: updated } : { model, row, isGone: true }
}

/**
 * Finishes what is half done: rows hold what their envelopes do not know of yet. Whatever fails here must not be committed by a caller that catches
 * the error.
 */
export async function orAbort<T>({ session }: Steps, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await session.abort()
    throw error
  }
}
