import type { Input } from './input.ts'
import type { Model } from './model.ts'

/** Statements of one operation beside, or in place of, its own query; all in one transaction where there is one. */
export interface Session {
  /** Where tables without `@@schema` are. */
  readonly schema: string
  /** Runs any operation past all extensions: it reads and writes what the database holds. */
  run(model: Model, operation: string, args: Input): Promise<unknown>
  /** Runs another operation of the hooked operation's model in its stead, for a result that the caller gets. */
  answer(operation: string, args: Input): Promise<unknown>
  /** Runs a statement of SQL on a model's table; gives the number of rows. */
  execute(model: Model, sql: string, values: readonly unknown[]): Promise<number>
  /** Keeps the caller from committing what was done so far, where the caller could. */
  abort(): Promise<void>
}
