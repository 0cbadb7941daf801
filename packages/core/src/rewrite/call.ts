import type { Input } from './input.ts'
import type { Model } from './model.ts'
import type { HiddenFields } from './selection.ts'

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
  /** `findUnique` on the same model, in the same transaction, that does not pass through this extension. */
  readonly read: (args: Input) => Promise<unknown>
  /** `updateMany`, likewise. */
  readonly updateMany: (args: Input) => Promise<unknown>
}
