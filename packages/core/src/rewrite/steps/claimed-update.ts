import type { SealedRecord } from '../../envelope/contract.ts'
import { ambiguousUniques } from '../alternatives.ts'
import { bindingOf, givenValue, isKnown, type Lookup } from '../binding.ts'
import { scopeFrom } from '../encrypted-values.ts'
import type { Input } from '../input.ts'
import type { EncryptedField, Model, Sealing } from '../model.ts'
import { type Row, recordedValue } from '../opened-row.ts'
import type { Rewriting } from '../rewriting.ts'
import { claimUniques, encodedColumn } from '../unique-keys.ts'

/** A row that is about to be updated. */
export interface UpdatedRow {
  readonly model: Model
  readonly sealing: Sealing
  /** As it was read. */
  readonly row: Row
  /** What its envelope will hold. */
  readonly record: SealedRecord
  /** Its other columns once it is updated. */
  readonly after: Lookup
  /** The columns that are written, to be changed where another row has one of the keys. */
  readonly out: Record<string, unknown>
}

/**
 * Claims the unique keys of a row that an update changes.
 *
 * @param changed fields that are written.
 * @returns a condition that holds while no other writer has changed the parts of these keys that the update leaves alone.
 */
export function claimUpdated(
  { model, sealing, row, record, after, out }: UpdatedRow,
  changed: ReadonlySet<string>,
  rewriting: Rewriting,
): Input {
  const scope = (field: EncryptedField) => scopeFrom(sealing, bindingOf(model, sealing, after, rewriting))(field)
  const searched = (field: EncryptedField): string | null => {
    const recorded = recordedValue(record, field)
    if (recorded !== undefined) return typeof recorded === 'string' ? recorded : null
    const column = after(field.name)
    const held = field.name in out ? givenValue(out[field.name]) : isKnown(column) ? column.value : null
    return encodedColumn(field, held)
  }
  const set = (field: EncryptedField, held: unknown): void => {
    out[field.name] = held
  }
  claimUniques(model, { searched, scope, other: after, except: row, set }, rewriting, changed)
  const kept = ambiguousUniques(model, rewriting).flatMap(({ fields, parts }) =>
    [...parts].some((name) => changed.has(name)) ? fields.filter((name) => !changed.has(name) && !sealing.byName.has(name)) : [],
  )
  return Object.fromEntries(kept.map((name) => [name, row[name]]))
}
