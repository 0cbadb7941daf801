import type { Json } from '../plan.ts'
import type { DatabaseError } from './database-error.ts'

/** Between values that are not null and their record encoding, for one type and native type. */
export interface ValueCodec<Stored extends Json = Json> {
  /** What Prisma would take, in words, to end the sentence "give …". */
  readonly expected: string
  /** Application value → record encoding. Throws by way of the {@link Refusal} that the codec was compiled with. */
  readonly encode: (value: unknown) => Stored
  /** Record encoding → what Prisma would have returned; `undefined` for what `encode` can't have made. */
  readonly decode: (json: Json) => unknown
  /** Whether two values that Prisma returned, or `decode` did, are equal; `===` where absent. */
  readonly same?: (a: unknown, b: unknown) => boolean
}

/** How a value that can't be stored is refused. */
export interface Refusal {
  /** Prisma's validation would have refused it. */
  wrongType(expected: string): never
  /** PostgreSQL would have refused it. */
  byDatabase(error: DatabaseError): never
}

export type NativeType = { readonly name: string; readonly args: readonly number[] } | undefined
