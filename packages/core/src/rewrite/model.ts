import { EnvelopeError } from '../errors.ts'
import type { ColumnPlan, Json, ModelPlan, ModelsPlan, RelationPlan, SearchPlan } from '../plan.ts'
import type { Bind, CompileCodec, FieldCodec, PrismaNamespace } from '../values/contract.ts'
import type { Mode, ModeOf } from './mode.ts'

export interface EncryptedField {
  readonly name: string
  readonly identity: string
  readonly column: ColumnPlan
  readonly codec: FieldCodec
  readonly search: SearchPlan | undefined
  readonly mode: Mode
  /** What a new row's record holds where the data gives nothing: the literal default, an empty list, or null. */
  readonly initial: Json
}

export interface BoundField {
  readonly name: string
  readonly column: ColumnPlan
}

export interface Relation {
  readonly name: string
  readonly plan: RelationPlan
  readonly model: Model
  /** The other side's field, where the foreign key may stand. */
  readonly opposite: RelationPlan
}

/** An encrypted model's own part of {@link Model}. */
export interface Sealing {
  readonly field: string
  readonly table: string
  readonly encrypted: readonly EncryptedField[]
  readonly byName: ReadonlyMap<string, EncryptedField>
  /** Fields that are written sealed: those whose mode is not `plain`. */
  readonly sealed: readonly EncryptedField[]
  /** Whether some field is not `strict`: rows without an envelope may exist, and something else may write to columns. */
  readonly tolerant: boolean
  /** Whether some field is `strict`, so that rows without an envelope are an error where they are written. */
  readonly hasStrict: boolean
  readonly bound: readonly BoundField[]
  readonly boundNames: ReadonlySet<string>
  /** Primary key and bound columns: what a row must be read with to be opened and to be named in an error. */
  readonly needed: readonly string[]
  /** Of the records that are written: of the fields {@link Sealing.sealed}. */
  readonly fieldSet: string
  /** Of the records that hold every field. */
  readonly wholeFieldSet: string
}

/** A model of the plan, compiled once: codecs made, relations linked. */
export interface Model {
  readonly name: string
  readonly plan: ModelPlan
  readonly relations: ReadonlyMap<string, Relation>
  readonly compoundUniques: ReadonlyMap<string, readonly string[]>
  readonly sealing: Sealing | undefined
  /** Whether this model, or one that its relations lead to, has encrypted fields. */
  readonly reachesSealing: boolean
  /** Own fields that bound foreign keys follow, themselves or through other foreign keys: changing one changes rows that nobody re-seals. */
  readonly referencedByBound: ReadonlySet<string>
}

export type Models = ReadonlyMap<string, Model>

/** What compiling needs from the layers that it must not import. */
export interface Compilers {
  readonly codec: CompileCodec
  readonly bind: Bind
  readonly fieldSetId: (identities: readonly string[]) => string
  readonly modeOf: ModeOf
}

type Draft = { -readonly [K in keyof Model]: Model[K] } & { relations: Map<string, Relation>; referencedByBound: Set<string> }

/** Compiles the plan; `prisma` is the user's own namespace. */
export function compileModels(plans: ModelsPlan, prisma: PrismaNamespace, compilers: Compilers): Models {
  const drafts = new Map<string, Draft>()
  for (const [name, plan] of Object.entries(plans)) {
    drafts.set(name, {
      name,
      plan,
      relations: new Map(),
      compoundUniques: new Map(plan.uniques.filter((u) => u.fields.length > 1).map((u) => [u.name, u.fields])),
      sealing: compileSealing(name, plan, prisma, compilers),
      reachesSealing: false,
      referencedByBound: new Set(),
    })
  }
  for (const draft of drafts.values()) link(draft, drafts)
  for (const draft of drafts.values()) for (const name of draft.sealing?.boundNames ?? []) markReferenced(draft, name, drafts)
  for (const draft of drafts.values()) draft.reachesSealing = reaches(draft)
  return drafts
}

function compileSealing(model: string, plan: ModelPlan, prisma: PrismaNamespace, compilers: Compilers): Sealing | undefined {
  const { envelope } = plan
  if (envelope === undefined) return undefined
  const encrypted: EncryptedField[] = []
  for (const [name, column] of Object.entries(plan.columns)) {
    if (column.encrypted === undefined) continue
    const codec = compilers.codec(model, name, column, prisma)
    const { identity, search } = column.encrypted
    encrypted.push({
      name,
      identity,
      column,
      codec,
      search,
      mode: compilers.modeOf(model, name),
      initial: initialValue(column, codec),
    })
  }
  const sealed = encrypted.filter(({ mode }) => mode !== 'plain')
  const bound = envelope.bind.map((name) => ({ name, column: columnOf(plan, model, name) }))
  return {
    field: envelope.field,
    table: plan.table.identity,
    encrypted,
    byName: new Map(encrypted.map((field) => [field.name, field])),
    sealed,
    tolerant: encrypted.some(({ mode }) => mode !== 'strict'),
    hasStrict: encrypted.some(({ mode }) => mode === 'strict'),
    bound,
    boundNames: new Set(envelope.bind),
    needed: [...new Set([...plan.primaryKey, ...envelope.bind])],
    fieldSet: compilers.fieldSetId(sealed.map((field) => field.identity)),
    wholeFieldSet: compilers.fieldSetId(encrypted.map((field) => field.identity)),
  }
}

/** A default passes through the codec, as the database would have fitted it to the column's native type. */
function initialValue(column: ColumnPlan, codec: FieldCodec): Json {
  if (column.default?.kind === 'literal') return codec.encode(codec.decode(column.default.value))
  return column.list === true ? [] : null
}

function columnOf(plan: ModelPlan, model: string, field: string): ColumnPlan {
  const column = plan.columns[field]
  if (column === undefined) throw new TypeError(`the plan of ${model} binds ${field}, which is no column of it`)
  return column
}

function link(draft: Draft, drafts: ReadonlyMap<string, Draft>): void {
  for (const [name, plan] of Object.entries(draft.plan.relations)) {
    const model = drafts.get(plan.model)
    const opposite = model?.plan.relations[plan.opposite]
    if (model === undefined || opposite === undefined)
      throw new TypeError(`the plan lacks the other side of ${draft.name}.${name}`)
    draft.relations.set(name, { name, plan, model, opposite })
  }
}

/** Follows a bound field to the fields of other models that it is a copy of. */
function markReferenced(draft: Draft, field: string, drafts: ReadonlyMap<string, Draft>): void {
  for (const relation of draft.relations.values()) {
    const referenced = relation.plan.to[relation.plan.from.indexOf(field)]
    const model = drafts.get(relation.plan.model)
    if (referenced === undefined || model === undefined) continue
    refuseSilentChange(draft, relation, field)
    if (model.referencedByBound.has(referenced)) continue
    model.referencedByBound.add(referenced)
    markReferenced(model, referenced, drafts)
  }
}

/**
 * Attaching another row to a one-to-one relation, Prisma Client sets an optional foreign key of the row that was there to NULL, without a word;
 * `SetNull` and `SetDefault` let PostgreSQL do the like.
 */
function refuseSilentChange({ name, plan }: Draft, { plan: relation, opposite }: Relation, field: string): void {
  const optional = plan.columns[field]?.required !== true && opposite.list !== true
  const actions = [relation.onDelete, relation.onUpdate]
  if (optional || actions.includes('SetNull') || actions.includes('SetDefault')) {
    const reason =
      'rows are bound to this foreign key, or to a copy of it, and it may be set to NULL unseen: make it required with Cascade, Restrict or NoAction, or do not bind it'
    throw new EnvelopeError('CONFIG', reason, { model: name, field })
  }
}

function reaches(start: Draft): boolean {
  const seen = new Set<Model>()
  const queue: Model[] = [start]
  for (let model = queue.pop(); model !== undefined; model = queue.pop()) {
    if (model.sealing !== undefined || model.referencedByBound.size > 0) return true
    if (seen.has(model)) continue
    seen.add(model)
    for (const relation of model.relations.values()) queue.push(relation.model)
  }
  return false
}
