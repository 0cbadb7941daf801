import type { RowCipher } from 'prisma-envelope/rows'
import type { TextRow } from '../database/connection.ts'
import type { StoredRow } from '../rows/stored-row.ts'
import type { Table } from '../rows/table.ts'

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
  /** What becomes of each row, in the order of `rows`. Must not write; may be run again for the same rows. */
  readonly change: (rows: readonly StoredRow[], cipher: RowCipher) => Promise<readonly Outcome[]>
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
