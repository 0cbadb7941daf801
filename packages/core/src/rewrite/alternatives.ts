import type { Input } from './input.ts'
import type { EncryptedField, Model, Sealing } from './model.ts'
import type { Rewriting } from './rewriting.ts'

/**
 * Whether one value of a field may stand in the database in several forms: as its tokens under several index keys, while one takes over from another,
 * and as itself, while rows are being moved from plaintext to ciphertext or back.
 */
export function hasAlternatives({ search, mode }: EncryptedField, { tools }: Rewriting): boolean {
  return search !== undefined && (mode !== 'strict' || tools.cipher.tokensOfValue > 1)
}

/** Whether that is so of any field of a model, or of one that its relations lead to. */
export function mayStandInForms(model: Model, { tools }: Pick<Rewriting, 'tools'>): boolean {
  return tools.cipher.tokensOfValue > 1 || reachesTolerant(model)
}

const tolerant = new WeakMap<Model, boolean>()

function reachesTolerant(start: Model): boolean {
  const known = tolerant.get(start)
  if (known !== undefined) return known
  const seen = new Set<Model>([start])
  for (const { relations } of seen) for (const { model } of relations.values()) seen.add(model)
  const reaches = [...seen].some(({ sealing }) => sealing?.tolerant === true)
  tolerant.set(start, reaches)
  return reaches
}

/** What a field is compared with. */
export interface Alternatives {
  /** Tokens of all values under all index keys. */
  readonly tokens: readonly unknown[]
  /** The values themselves. */
  readonly plain: readonly unknown[]
  /** Passed on for values, which `normalize` has not made alike. */
  readonly insensitive?: boolean
}

/**
 * A condition that is met by rows which hold one of the values in any form, or, `negated`, by those which hold another one. The two are each other's
 * complement; neither is met where the column is NULL. A value is looked for in rows alone whose envelope does not hold the field: in others the column
 * is none of ours.
 */
export function alternativesFilter(
  sealing: Sealing,
  field: EncryptedField,
  { tokens, plain, insensitive }: Alternatives,
  negated: boolean,
  rewriting: Pick<Rewriting, 'tools'>,
): Input {
  const { name } = field
  if (field.mode === 'strict') return { [name]: { [negated ? 'notIn' : 'in']: tokens } }
  const mode = insensitive === true ? { mode: 'insensitive' } : {}
  const unsealed = mayHoldValue(sealing, field, rewriting)
  return negated
    ? { AND: [{ [name]: { notIn: tokens } }, { OR: [{ NOT: unsealed }, { [name]: { notIn: plain, ...mode } }] }] }
    : { OR: [{ [name]: { in: tokens } }, { AND: [unsealed, { [name]: { in: plain, ...mode } }] }] }
}

/** Met by rows whose column may hold the field's value itself: they have no envelope, or none that holds this field. Never unknown. */
export function mayHoldValue(sealing: Sealing, { mode }: EncryptedField, { tools }: Pick<Rewriting, 'tools'>): Input {
  const { field, fieldSet, wholeFieldSet, encrypted } = sealing
  const none = { [field]: { equals: tools.prisma.DbNull } }
  // Whatever seals a row seals its only field.
  if (encrypted.length === 1) return none
  const holding = mode === 'plain' ? [wholeFieldSet] : [...new Set([fieldSet, wholeFieldSet])]
  return { OR: [none, { NOT: { OR: holding.map((id) => ({ [field]: { path: ['fs'], equals: id } })) } }] }
}

/** Unique criteria of a model that the database alone does not keep unique, as a part of them may stand in several forms. */
export function ambiguousUniques(model: Model, rewriting: Rewriting): readonly AmbiguousUnique[] {
  const { sealing } = model
  if (sealing === undefined || (!sealing.tolerant && rewriting.tools.cipher.tokensOfValue < 2)) return NONE
  return model.plan.uniques.flatMap(({ name, fields }) => {
    const searched = fields.flatMap((part) => sealing.byName.get(part) ?? []).filter(({ search }) => search !== undefined)
    if (!searched.some((field) => hasAlternatives(field, rewriting))) return []
    const parts = new Set([...fields, ...searched.flatMap(({ search }) => search?.scope ?? [])])
    return [{ name, fields, searched, parts }]
  })
}

export interface AmbiguousUnique {
  /** Its key in a `WhereUniqueInput`. */
  readonly name: string
  readonly fields: readonly string[]
  /** Those of its fields that are encrypted. */
  readonly searched: readonly EncryptedField[]
  /** All fields that decide on what its columns hold. */
  readonly parts: ReadonlySet<string>
}

const NONE: readonly AmbiguousUnique[] = []
