import type postgres from 'postgres'
import type { RowCipher } from 'prisma-envelope/rows'
import type { TextRow } from '../database/connection.ts'
import type { CipherOf } from '../rows/reopened.ts'
import type { StoredRow } from '../rows/stored-row.ts'
import type { Table } from '../rows/table.ts'
import type { Key } from './page.ts'
import type { Change } from './write.ts'

/** What a command does to the rows of one table, a batch at a time. */
export interface Task {
  readonly table: Table
  /** SQL condition on the table as `t`: the rows that are not done yet. What is written must not meet it any more. Asked for at each batch. */
  readonly where: () => string
  /** Of the UPDATE: `column = expression` over the old row `t` and the parameters `v.p0`, `v.p1`, … of the row, all text. */
  readonly assignments: readonly string[]
  /** Expressions over the row `t` as the UPDATE left it, triggers and casts included, for each outcome's `accepts`. */
  readonly returning: readonly string[]
  /** How many parameters a row has. */
  readonly parameters: number
  /** Types of the first parameters, where it pays to cast them once, however many expressions name them. */
  readonly types?: readonly string[]
  /** Of a dry run. */
  readonly foresight?: Foresight
  /** What becomes of each row, in the order of `rows`. Must not write; may be run again for the same rows. */
  readonly change: (rows: readonly StoredRow[], cipher: RowCipher, cipherOf: CipherOf) => Promise<readonly Outcome[]>
  /** Where a row that is done looks like one that is not: all rows are met once. `where` may then hold of what is written. */
  readonly once?: Once
}

/** One pass over the rows in the order of their keys, for which locked rows are waited for. */
export interface Once {
  /** Rows up to this key were met before. */
  readonly after: Key | undefined
  /** How many they were, and how many of them were refused. */
  readonly rows: number
  readonly refused: number
  /** Told when all rows up to a key are committed, of which so many are new. */
  readonly reached: (last: Key, rows: number, refused: number) => void
}

/** Finds what the database would refuse, without writing. */
export interface Foresight {
  /** Of the rows of one batch, which were read in the same transaction. */
  batch(sql: postgres.TransactionSql, changes: readonly Change[]): Promise<readonly Finding[]>
  /** What shows only once all rows were seen. */
  end(): AsyncIterable<Finding>
  close(): Promise<void>
}

export type Outcome =
  | {
      readonly kind: 'write'
      readonly parameters: readonly (string | null)[]
      /** Whether the row holds what was meant, from the texts of `returning`; else it is put back and reported. */
      readonly accepts: (texts: TextRow) => boolean
    }
  /** The row is as it should be. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string; readonly field?: string | undefined }

/** A row that was left as it was, and why. Holds no value of an encrypted column. */
export interface Finding {
  readonly model: string
  readonly field: string | undefined
  readonly primaryKey: Readonly<Record<string, string>>
  readonly code: string
  readonly reason: string
}
