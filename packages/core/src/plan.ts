/**
 * The static plan: all that the extension and the CLI know of a schema. The generator writes it as pure data
 * (`models` of the generated module); nothing reads Prisma's DMMF at run time.
 *
 * Keys of every record are names of the Prisma schema (model and field names); names of the database stand in
 * `table`, `column` and `identity`.
 */
export type ModelsPlan = Readonly<Record<string, ModelPlan>>

/** JSON as `JSON.parse` gives it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export interface ModelPlan {
  readonly table: TablePlan
  /** Every scalar and enum field, encrypted or not, the envelope included. */
  readonly columns: Readonly<Record<string, ColumnPlan>>
  readonly relations: Readonly<Record<string, RelationPlan>>
  /** Field names of `@id` or `@@id`; empty where the model has none. */
  readonly primaryKey: readonly string[]
  /** All unique criteria: the primary key, `@unique` and `@@unique`. `name` is the key in Prisma's `WhereUniqueInput`. */
  readonly uniques: readonly UniquePlan[]
  /** Present exactly where the model has encrypted fields. */
  readonly envelope?: EnvelopePlan
}

export interface TablePlan {
  readonly schema?: string
  readonly name: string
  /** What stored bytes are bound to: `as:` of `@envelope`, else `schema.name` under `@@schema`, else `name`. */
  readonly identity: string
}

/** The fields of the model marked `@envelopeKeys`, which holds the wrapped branch keys that envelopes name. */
export type KeyStoreField =
  | 'id'
  | 'kid'
  | 'table'
  | 'context'
  | 'contextDigest'
  | 'generation'
  | 'wrapped'
  | 'createdAt'
  | 'erasedAt'

/** Where the key store is: what the generated module exports as `keyStore`, for the option of that name. */
export interface KeyStorePlan {
  /** The model's name in the Prisma schema. */
  readonly model: string
  readonly table: TablePlan
  /** The database's name of each field's column. */
  readonly columns: Readonly<Record<KeyStoreField, string>>
}

export interface UniquePlan {
  readonly name: string
  readonly fields: readonly string[]
}

export interface EnvelopePlan {
  readonly field: string
  readonly column: string
  /** Bound fields (primary key where it is known before the insert, and `bind:`), sorted bytewise by column name. */
  readonly bind: readonly string[]
}

export type ScalarType = 'String' | 'Int' | 'BigInt' | 'Float' | 'Decimal' | 'Boolean' | 'DateTime' | 'Json' | 'Bytes' | 'Enum'

export interface ColumnPlan {
  readonly column: string
  readonly type: ScalarType
  readonly list?: true
  readonly required?: true
  /** `@db.VarChar(40)` is `{ name: 'VarChar', args: [40] }`. */
  readonly native?: { readonly name: string; readonly args: readonly number[] }
  /** Enums only: Prisma's name of each value to the database's. */
  readonly values?: Readonly<Record<string, string>>
  readonly default?: DefaultPlan
  /** `@updatedAt`: Prisma Client writes it at every write of its own. */
  readonly updatedAt?: true
  readonly encrypted?: EncryptionPlan
}

/**
 * `literal` holds the value in the record encoding (`docs/format.md`); `client` names a generator that Prisma Client runs
 * itself; `database` is everything else (autoincrement, sequence, dbgenerated).
 */
export type DefaultPlan =
  | { readonly kind: 'literal'; readonly value: Json }
  | {
      readonly kind: 'client'
      readonly generator: 'uuid4' | 'uuid7' | 'cuid1' | 'cuid2' | 'ulid' | 'nanoid' | 'now'
      /** `nanoid(n)` only. */
      readonly length?: number
    }
  | { readonly kind: 'database' }

export interface EncryptionPlan {
  /** The field's key in the sealed record, and part of its index key: `as:`, else the column name. */
  readonly identity: string
  /** What the column holds instead of a value that is not null, in the record encoding. */
  readonly placeholder: Json
  readonly search?: SearchPlan
}

export type Normalization = 'trim' | 'lowercase' | 'nfc' | 'nfkc'

export interface SearchPlan {
  /** Name of the index key: `index:` of the annotation, else `<table identity>.<field identity>`. */
  readonly index: string
  /** Applied in this order. */
  readonly normalize: readonly Normalization[]
  /** Bound fields that enter the token, in the annotation's order. */
  readonly scope: readonly string[]
}

export type ReferentialAction = 'Cascade' | 'Restrict' | 'NoAction' | 'SetNull' | 'SetDefault'

export interface RelationPlan {
  /** Model on the other side. */
  readonly model: string
  /** The other side's field of this relation. */
  readonly opposite: string
  readonly list?: true
  /** Foreign key fields where THIS model holds them, else empty (both sides empty: implicit many-to-many). */
  readonly from: readonly string[]
  /** The fields of the other model that `from` references. */
  readonly to: readonly string[]
  /** On the side with the foreign key only, implicit defaults resolved. */
  readonly onDelete?: ReferentialAction
  readonly onUpdate?: ReferentialAction
}
