import type { BoundValue } from '../envelope/contract.ts'
import type { AmbiguousUnique } from './alternatives.ts'
import type { Input } from './input.ts'
import type { EncryptedField, Model } from './model.ts'
import type { Row } from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'

/** An encrypted part of a unique key. */
export interface ClaimedValue {
  readonly field: EncryptedField
  /** Encoded. */
  readonly value: string
  readonly scope: readonly BoundValue[]
  /** Takes what the column is to hold instead, where another row is there. */
  readonly set: (held: unknown) => void
}

/** A unique key that a row is about to have; none of its parts is null. */
export interface UniqueClaim {
  readonly model: Model
  readonly unique: AmbiguousUnique
  readonly searched: readonly ClaimedValue[]
  /** The other parts. */
  readonly others: Input
  /** The row itself, where it is there already. */
  readonly except?: Row | undefined
}

/** Looks for rows that have one of these keys in another form. */
export type TwinSearch = (claims: readonly UniqueClaim[], rewriting: Rewriting) => Promise<void>
