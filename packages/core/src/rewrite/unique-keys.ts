import type { BoundValue } from '../envelope/contract.ts'
import { ambiguousUniques } from './alternatives.ts'
import { isKnown, type Lookup, ownedBy } from './binding.ts'
import type { Input } from './input.ts'
import type { EncryptedField, Model } from './model.ts'
import { NeedsSteps } from './needs-steps.ts'
import { isToken, type Row } from './opened-row.ts'
import type { Rewriting } from './rewriting.ts'
import type { ClaimedValue } from './unique-claim.ts'

/** What a row will hold in the fields of its unique keys. */
export interface UniqueValues {
  /** The encoded value of a searchable field; null for NULL. */
  readonly searched: (field: EncryptedField) => string | null
  readonly scope: (field: EncryptedField) => readonly BoundValue[]
  readonly other: Lookup
  /** The row itself, where it is there already. */
  readonly except?: Row
  /** Takes what a searchable column is to hold where another row has the key: the database then refuses it as it refuses any other twin. */
  readonly set: (field: EncryptedField, held: unknown) => void
}

/**
 * Claims the unique keys of a row that is about to be written, those of which the database can't tell whether another row has them: values that stand
 * in several forms are unequal to it.
 *
 * @param changed fields that the write changes; all of them where it is absent.
 * @throws NeedsSteps where other rows can't be looked for, or a part of a key is not known before the row is written.
 */
export function claimUniques(model: Model, values: UniqueValues, rewriting: Rewriting, changed?: ReadonlySet<string>): void {
  for (const unique of ambiguousUniques(model, rewriting)) {
    if (changed !== undefined && ![...unique.parts].some((name) => changed.has(name))) continue
    const searched: ClaimedValue[] = []
    const others: Record<string, unknown> = {}
    let isNull = false
    for (const name of unique.fields) {
      const field = model.sealing?.byName.get(name)
      if (field !== undefined && unique.searched.includes(field)) {
        const value = values.searched(field)
        if (value === null) isNull = true
        else searched.push({ field, value, scope: values.scope(field), set: (held) => values.set(field, held) })
        continue
      }
      const found = values.other(name)
      if (!isKnown(found)) throw unknowable(model, name, rewriting)
      if (found.value === null || rewriting.isAbsent(found.value)) isNull = true
      others[name] = found.value
    }
    if (isNull) continue
    if (!rewriting.findsTwins) throw takesSteps(model, unique.searched[0]?.name, rewriting)
    rewriting.claim({ model, unique, searched, others, except: values.except })
  }
}

/** The encoded form of what a column of plaintext holds, or is to hold; null where it is none that this field takes, which is Prisma's to refuse. */
export function encodedColumn(field: EncryptedField, held: unknown): string | null {
  if (typeof held !== 'string' || isToken(held)) return null
  try {
    const value = field.codec.encode(held)
    return typeof value === 'string' ? value : null
  } catch {
    return null
  }
}

/** Whether a column is a part of such a key, so that whoever changes it has to claim the key. */
export function isPartOfUnique(model: Model, name: string, rewriting: Rewriting): boolean {
  return ambiguousUniques(model, rewriting).some(({ parts }) => parts.has(name))
}

/** Whether an update writes a part of a unique key that {@link claimUniques} is about. */
export function writesUniques(model: Model, data: Input, rewriting: Rewriting): boolean {
  return changedIn(model, data, rewriting).size > 0
}

/** The parts of such keys that an update writes, itself or through the relation that holds them. */
export function changedIn(model: Model, data: Input, rewriting: Rewriting): ReadonlySet<string> {
  const names = ambiguousUniques(model, rewriting).flatMap(({ parts }) => [...parts])
  return new Set(
    names.filter(
      (name) =>
        !rewriting.isAbsent(data[name]) || ownedBy(model, name).some((relation) => !rewriting.isAbsent(data[relation.name])),
    ),
  )
}

/** @throws NeedsSteps where an update needs more than one query for its unique values. */
export function refuseUniqueChange(model: Model, data: Input, rewriting: Rewriting): void {
  if (writesUniques(model, data, rewriting)) throw takesSteps(model, undefined, rewriting)
}

function takesSteps(model: Model, field: string | undefined, rewriting: Rewriting): NeedsSteps {
  const reason =
    'to write a unique value takes several queries while values stand in several forms: use an interactive transaction'
  return new NeedsSteps(rewriting.error('UNSUPPORTED', reason, model, field))
}

function unknowable(model: Model, field: string, rewriting: Rewriting): NeedsSteps {
  const reason =
    'while values stand in several forms, every part of a unique key must be known before the row is written: give this one in `data`'
  return new NeedsSteps(rewriting.error('UNSUPPORTED', reason, model, field))
}
