import type { BoundValue, Envelope, RowToSeal, SealedRecord } from '../envelope/contract.ts'
import { EnvelopeError, type ErrorPlace } from '../errors.ts'
import { tellUnopened } from './cipher-border.ts'
import type { Model, Sealing } from './model.ts'
import type { Rewriting } from './rewriting.ts'

/**
 * The encryption context of a row: it stands in its envelope, and in the log of the KMS, in the clear, so never PII. Names and values are not empty, and no
 * name begins with `prisma-envelope` or `aws:`.
 */
export type RowContext = Readonly<Record<string, string>>

/** In place of a row's context: it may be read whatever its context is, and keeps it where it is written again. Nothing new is sealed under it. */
export const anyContext: unique symbol = Symbol('anyContext')

/**
 * A row, as far as it is known wherever it is sealed or read. Never holds an encrypted field. Values are texts in the form that rows are bound in, which is
 * the same before the insert and after each read.
 */
export interface RowIdentity {
  /** By its Prisma name. */
  readonly model: string
  /** By field; undefined where the database makes the key, so that nobody knows it before the insert. */
  readonly primaryKey: Readonly<Record<string, string | null>> | undefined
  /** All that the row is bound to, by field: its key where that is known, and the columns that `bind` names. */
  readonly bound: Readonly<Record<string, string | null>>
}

/** The operation that seals or reads a row. */
export interface RowOperation {
  /** As in Prisma Client, such as `createMany`; of nested rows, that of the call. */
  readonly name: string
  readonly settings: Readonly<Record<string, string>>
}

/** The contexts that a row may be under: the first is the one to seal it under. */
export type PermittedContexts = readonly RowContext[] | typeof anyContext

/** What decides under which context and key a row is sealed, and whether it may be opened. */
export interface RowPolicy {
  /** Undefined where contexts are not checked. */
  readonly contextsOf: ((row: RowIdentity, operation: RowOperation) => PermittedContexts) | undefined
  /** The name of a KMS key of the keyring; undefined for the current one. */
  readonly keyOf: ((row: RowIdentity, operation: RowOperation) => string | undefined) | undefined
  /** Whether two contexts hold the same entries; what comes from the database may be anything. */
  readonly isSame: (context: RowContext, held: unknown) => boolean
}

/**
 * A row to be sealed, under the context and the key that are its own.
 *
 * @param held the envelope that the row had, which was opened or passed {@link requireContext}; undefined for a new row.
 * @throws EnvelopeError `CONFIG`
 */
export function rowToSeal(
  model: Model,
  sealing: Sealing,
  binding: readonly BoundValue[],
  record: SealedRecord,
  rewriting: Rewriting,
  held?: unknown,
): RowToSeal {
  const { policy } = rewriting.tools
  const row = { table: sealing.table, binding, record }
  if (policy === undefined) return withContext(row, contextIn(held), undefined)
  const identity = identityOf(model, sealing, binding)
  const operation = operationOf(rewriting)
  try {
    const kid = policy.keyOf?.(identity, operation)
    const permitted = policy.contextsOf?.(identity, operation) ?? anyContext
    if (permitted !== anyContext) return withContext(row, permitted[0], kid)
    if (policy.contextsOf === undefined || isObject(held)) return withContext(row, contextIn(held), kid)
    throw new EnvelopeError(
      'CONFIG',
      '`context` returned anyContext for a row that has none yet: return the one to seal it under',
    )
  } catch (error) {
    throw inPlace(error, { model: model.name, operation: rewriting.operation })
  }
}

/** Whether rows that are read are checked for their context. */
export function checksContexts({ tools }: Pick<Rewriting, 'tools'>): boolean {
  return tools.policy?.contextsOf !== undefined
}

/**
 * Wants the row to be under a context that its reader may see.
 *
 * @param place names the row
 * @throws EnvelopeError `CONTEXT_MISMATCH`, `CONFIG`
 */
export function requireContext(
  model: Model,
  sealing: Sealing,
  binding: readonly BoundValue[],
  envelope: unknown,
  rewriting: Rewriting,
  place: () => ErrorPlace,
): void {
  const { policy } = rewriting.tools
  // What is no envelope does not open.
  if (policy?.contextsOf === undefined || !isObject(envelope)) return
  let permitted: PermittedContexts
  try {
    permitted = policy.contextsOf(identityOf(model, sealing, binding), operationOf(rewriting))
  } catch (error) {
    throw inPlace(error, { model: model.name, operation: rewriting.operation })
  }
  if (permitted === anyContext) return
  const { ctx = NONE } = envelope as Partial<Envelope>
  if (permitted.some((context) => policy.isSame(context, ctx))) return
  const refusal = new EnvelopeError(
    'CONTEXT_MISMATCH',
    'the row is under another context than `context` gives for it: it belongs to another tenant, or `context` has changed; return all contexts that rows may be under, or anyContext where all may be seen',
    place(),
  )
  tellUnopened(refusal, rewriting)
  throw refusal
}

const NONE: RowContext = Object.freeze({})

function withContext(row: RowToSeal, ctx: RowContext | undefined, kid: string | undefined): RowToSeal {
  return ctx === undefined && kid === undefined ? row : { ...row, ctx, kid }
}

/** Of an envelope that opened. */
function contextIn(envelope: unknown): RowContext | undefined {
  return isObject(envelope) ? (envelope as Envelope).ctx : undefined
}

function identityOf(model: Model, sealing: Sealing, binding: readonly BoundValue[]): RowIdentity {
  return rowIdentity(model.name, model.plan.primaryKey, sealing.bound, binding)
}

/**
 * @param primaryKey names of its fields
 * @param bound the fields that rows are bound to, in the order of `binding`
 */
export function rowIdentity(
  model: string,
  primaryKey: readonly string[],
  bound: readonly { readonly name: string }[],
  binding: readonly BoundValue[],
): RowIdentity {
  const values = new Map(bound.map(({ name }, i) => [name, binding[i]?.value ?? null]))
  const isKnown = primaryKey.length > 0 && primaryKey.every((name) => values.has(name))
  return Object.freeze({
    model,
    primaryKey: isKnown
      ? Object.freeze(Object.fromEntries(primaryKey.map((name) => [name, values.get(name) ?? null])))
      : undefined,
    bound: Object.freeze(Object.fromEntries(values)),
  })
}

function operationOf({ operation, tools }: Rewriting): RowOperation {
  return Object.freeze({ name: operation, settings: tools.settings })
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function inPlace(error: unknown, place: ErrorPlace): unknown {
  return error instanceof EnvelopeError ? error.at(place) : error
}
