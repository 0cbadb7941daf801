/**
 * The arguments of operations, as far as ciphertext can't answer them. The generator lays these types out for each model; an argument that is assignable
 * to its model's is not refused. They name only what is refused and what leads there, so that comparing with them is cheap.
 */

declare const refused: unique symbol

/** No value is of this type; the compiler shows `Why`. */
interface Refused<Why extends string> {
  readonly [refused]: Why
}

export type Envelope = Refused<'the envelope belongs to the extension'>
export type Uncomputable = Refused<"ciphertext can't be sorted, grouped or computed: do it after reading">
export type Unsearchable = Refused<'annotate the field `searchable`, or filter after reading'>
type Unanswerable = Refused<'ciphertext answers equality alone: filter the rest after reading'>
type CaseSensitive = Refused<'annotate the field `normalize: [lowercase]`'>

/**
 * What every object has and no list. Without a required member, TypeScript would take the interfaces for weak types, to which an object that names
 * nothing of theirs is not assignable.
 */
export interface Single {
  propertyIsEnumerable(key: PropertyKey): boolean
  [Symbol.iterator]?: never
}

export type OneOrMore<Item> = Item | readonly Item[]

interface Comparison extends Single {
  lt?: Unanswerable
  lte?: Unanswerable
  gt?: Unanswerable
  gte?: Unanswerable
  contains?: Unanswerable
  startsWith?: Unanswerable
  endsWith?: Unanswerable
  /** Of a reference to another column. */
  modelName?: Unanswerable
}

/** The filter of a field that is searchable and lower-cased. */
export interface Equality extends Comparison {
  not?: string | null | Equality
}

/** The filter of another searchable field. */
export interface ExactEquality extends Comparison {
  mode?: 'default' | CaseSensitive
  not?: string | null | ExactEquality
}

interface Nullness extends Comparison {
  in?: Unsearchable
  notIn?: Unsearchable
  path?: Unanswerable
  string_contains?: Unanswerable
  string_starts_with?: Unanswerable
  string_ends_with?: Unanswerable
  array_contains?: Unanswerable
  array_starts_with?: Unanswerable
  array_ends_with?: Unanswerable
}

interface IsNull<Null> extends Nullness {
  equals: Null
  not?: Null | OnlyNull<Null>
}

interface IsNotNull<Null> extends Nullness {
  equals?: Null
  not: Null | OnlyNull<Null>
}

/** The filter of an optional field that is not searchable. */
export type OnlyNull<Null> = IsNull<Null> | IsNotNull<Null>

export interface Some<Where> extends Single {
  some?: Where
  every?: Where
  none?: Where
}

export interface One<Where> extends Single {
  is?: Where | null
  isNot?: Where | null
}

export interface Read<Where, Order, Column, Selection> extends Single {
  where?: Where
  cursor?: Where
  orderBy?: OneOrMore<Order>
  distinct?: OneOrMore<Column>
  select?: Selection | null
  include?: Selection | null
}

interface Counted<Where> extends Single {
  where?: Where
}

/** `Wheres` are the conditions by relation. */
export interface Count<Wheres> extends Single {
  select?: { [Relation in keyof Wheres]?: boolean | Counted<Wheres[Relation]> } & Single
}

/** What is written to a field that is no list. */
export interface Assigned extends Single {
  increment?: Uncomputable
  decrement?: Uncomputable
  multiply?: Uncomputable
  divide?: Uncomputable
}

/** What is written to a list. */
export interface AssignedList extends Single {
  push?: Uncomputable
}

export interface Write<Data> {
  data?: OneOrMore<Data>
  create?: Data
  update?: Data
}

export interface Aggregate<Fields, Column> {
  by?: OneOrMore<Column>
  having?: Having<Fields>
  _min?: Fields
  _max?: Fields
  _avg?: Fields
  _sum?: Fields
}

type Having<Fields> = Fields & {
  AND?: OneOrMore<Having<Fields>>
  OR?: readonly Having<Fields>[]
  NOT?: OneOrMore<Having<Fields>>
}

interface Step<Where, Data> extends Single {
  where?: Where
  data?: Data
  create?: Data
  update?: Data
}

interface CreateMany<Data> extends Single {
  data?: OneOrMore<Data>
}

/** Nested writes. */
export interface ToMany<Where, Data> extends Single {
  create?: OneOrMore<Data>
  createMany?: CreateMany<Data>
  connectOrCreate?: OneOrMore<Step<Where, Data>>
  connect?: OneOrMore<Where>
  set?: OneOrMore<Where>
  disconnect?: OneOrMore<Where>
  delete?: OneOrMore<Where>
  deleteMany?: OneOrMore<Where>
  update?: OneOrMore<Step<Where, Data>>
  updateMany?: OneOrMore<Step<Where, Data>>
  upsert?: OneOrMore<Step<Where, Data>>
}

/** A nested update of one row takes its data with or without this around it. */
interface Wrapped<Where, Data> {
  where?: Where
  data?: Data
}

/** Nested writes. */
export interface ToOne<Where, Data> extends Single {
  create?: Data
  connectOrCreate?: Step<Where, Data>
  connect?: Where
  disconnect?: boolean | Where
  delete?: boolean | Where
  update?: Data & Wrapped<Where, Data>
  upsert?: Step<Where, Data>
}

/**
 * What arguments of the type `Args` are passed as: `All`, that is as Prisma has it, or, where something is refused, a type to which they are not
 * assignable. Arguments declared as wide as `All` pass, since nothing is known of them.
 *
 * Distributes over `Args` so that TypeScript, asking what to expect of an argument, puts `All` in its place and need not work out the rest: written
 * otherwise, this costs several times as much. `Whole` keeps one case of a union from vouching for the others.
 */
export type Checked<Args, All, Refusing, Whole = Args> = Args extends Refusing
  ? [Whole] extends [Refusing]
    ? All
    : Args
  : [All] extends [Args]
    ? All
    : [Args] extends [Located<Args, Refusing>]
      ? Refused<"ciphertext can't answer this">
      : Located<Args, Refusing>

/** `Args`, with what is refused replaced by the reason, so that the compiler points there. */
type Located<Args, Refusing> = [Args] extends [Refusing]
  ? Args
  : [NonNullable<Refusing>] extends [Refused<string>]
    ? Refusing
    : Args extends readonly (infer Item)[]
      ? readonly Located<Item, Refusing>[]
      : Args extends Value
        ? Refusing
        : { [Key in keyof Args]: Located<Args[Key], Member<Refusing, Key>> }

type Value = string | number | bigint | boolean | null | undefined | Date | Uint8Array

type Member<Refusing, Key> = Refusing extends string | boolean | null | undefined | readonly unknown[]
  ? never
  : Key extends keyof Refusing
    ? Refusing[Key]
    : unknown
