import type { Input } from './input.ts'
import type { Model } from './model.ts'
import type { Tools } from './rewriting.ts'
import type { HiddenFields } from './selection.ts'
import type { Session } from './session.ts'

/** The transaction that an operation runs in, as far as rewriting cares. */
export type TransactionKind = 'none' | 'interactive' | 'batch'

/** One operation as a query hook gets it, with Prisma's internals narrowed. */
export interface Call {
  readonly model: Model
  readonly operation: string
  readonly args: Input
  readonly transaction: TransactionKind
  readonly hidden: HiddenFields
  /** Runs the operation itself; more than once only outside batch transactions. */
  readonly query: (args: Input) => Promise<unknown>
  /** Other statements, in the caller's transaction where there is one. */
  readonly session: Session
  /**
   * Does `work` in one transaction: the caller's, or else one of its own, which is tried again where it could not be serialized, or where it met
   * keys that a KMS has to unwrap first.
   */
  readonly inTransaction: <T>(work: (session: Session, tools: Tools) => Promise<T>) => Promise<T>
}
