import type { BoundValue } from '../envelope/contract.ts'
import type { ColumnPlan, Json } from '../plan.ts'

/** The parts of the user's own `Prisma` namespace that values need: two copies of the runtime have different classes. */
export interface PrismaNamespace {
  readonly Decimal: new (value: string | number) => object
  readonly DbNull: unknown
  readonly JsonNull: unknown
  readonly AnyNull: unknown
  readonly skip?: unknown
  readonly PrismaClientKnownRequestError: new (
    message: string,
    options: { code: string; clientVersion: string; meta?: Record<string, unknown>; batchRequestIdx?: number },
  ) => Error
  readonly prismaVersion: { readonly client: string }
}

/** Between application values, the record encoding (`docs/format.md`) and what the column holds. Compiled once for each field. */
export interface FieldCodec {
  /**
   * Application value → record encoding. `null` (and `Prisma.DbNull` of Json) gives `null`. Does to the value what PostgreSQL and Prisma
   * would have done for the column's native type, and throws what they would have thrown: the user's `PrismaClientKnownRequestError` for what
   * the database refuses, `EnvelopeError` of code `INVALID_VALUE` for what Prisma's validation refuses. Messages never hold the value.
   */
  encode(value: unknown): Json
  /** Record encoding → what Prisma would have returned. Throws on anything that `encode` can't have made. */
  decode(json: Json): unknown
  /** The placeholder as an input of Prisma Client, for a value that is not null. */
  readonly placeholder: unknown
  /** Whether a value that Prisma returned from the column is the placeholder. */
  isPlaceholder(value: unknown): boolean
}

export type CompileCodec = (model: string, field: string, column: ColumnPlan, prisma: PrismaNamespace) => FieldCodec

/** A bound column's value in canonical form, from an application's input or from a result of Prisma. */
export type Bind = (column: ColumnPlan, value: unknown) => BoundValue
