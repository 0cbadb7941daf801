import { bindingOf, givenValue, type Lookup, NOWHERE, valueOfNewRow } from './binding.ts'
import { subjectBy } from './cipher-border.ts'
import { type EncodedValues, encodeValues, namesOf, replaceValues, scopeFrom } from './encrypted-values.ts'
import type { Input } from './input.ts'
import type { EncryptedField, Model } from './model.ts'
import { rewriteNestedWrites } from './nested-writes.ts'
import type { Rewriting } from './rewriting.ts'
import { rowToSeal } from './row-context.ts'
import { claimUniques, encodedColumn } from './unique-keys.ts'

/**
 * Rewrites the `data` of a `create`, and of all rows created below it: encrypted values become placeholders and tokens, and each row gets an
 * envelope of its own.
 *
 * @param inherited values that the surrounding write gives the new row: its foreign key to the parent.
 */
export function rewriteCreate(model: Model, data: unknown, rewriting: Rewriting, inherited: Lookup = NOWHERE): unknown {
  if (!model.reachesSealing) return data
  return rewriting.oneInput(model, 'data', data, (row) => rewriteRow(model, row, rewriting, inherited))
}

function rewriteRow(model: Model, data: Input, rewriting: Rewriting, inherited: Lookup): Input {
  const out: Record<string, unknown> = { ...data }
  const values = sealedValues(model, data, rewriting)
  // Rows that this one references come first: Prisma inserts them first, and this row may be bound to their keys.
  rewriteNestedWrites(model, out, 'owning', parentOf(model, out, inherited, rewriting), rewriting)
  if (model.sealing !== undefined && values !== undefined && values.size > 0) {
    const { sealing } = model
    const binding = bindingOf(model, sealing, (field) => valueOfNewRow(model, field, out, inherited, rewriting), rewriting)
    replaceValues(out, values, scopeFrom(sealing, binding), rewriting)
    const record = Object.fromEntries([...values].map(([field, value]) => [field.identity, value]))
    const columnOf: Lookup = (field) =>
      sealing.boundNames.has(field) || field in out ? valueOfNewRow(model, field, out, inherited, rewriting) : inherited(field)
    const subject = () => subjectBy(model, columnOf, namesOf(values))
    rewriting.seal(rowToSeal(model, sealing, binding, record, rewriting), subject, (envelope) => {
      out[sealing.field] = envelope
    })
  }
  claimNewRow(model, data, out, values, inherited, rewriting)
  rewriteNestedWrites(model, out, 'owned', parentOf(model, out, inherited, rewriting), rewriting)
  return out
}

function claimNewRow(
  model: Model,
  data: Input,
  out: Record<string, unknown>,
  values: EncodedValues | undefined,
  inherited: Lookup,
  rewriting: Rewriting,
): void {
  const { sealing } = model
  if (sealing === undefined) return
  const columnOf = (field: string) => valueOfNewRow(model, field, out, inherited, rewriting)
  const searched = (field: EncryptedField): string | null => {
    const sealed = values?.get(field)
    return typeof sealed === 'string' ? sealed : encodedColumn(field, givenValue(data[field.name]) ?? field.initial)
  }
  const scope = (field: EncryptedField) => scopeFrom(sealing, bindingOf(model, sealing, columnOf, rewriting))(field)
  const set = (field: EncryptedField, held: unknown): void => {
    out[field.name] = held
  }
  claimUniques(model, { searched, scope, other: columnOf, set }, rewriting)
}

/** `data` of `createMany`: one row or a list. */
export function rewriteCreateMany(model: Model, data: unknown, rewriting: Rewriting, inherited: Lookup = NOWHERE): unknown {
  if (!model.reachesSealing) return data
  return rewriting.eachInput(model, 'data', data, (row) => rewriteRow(model, row, rewriting, inherited))
}

function parentOf(model: Model, data: Record<string, unknown>, inherited: Lookup, rewriting: Rewriting): Lookup {
  return (field) => valueOfNewRow(model, field, data, inherited, rewriting)
}

function sealedValues(model: Model, data: Input, rewriting: Rewriting): EncodedValues | undefined {
  const { sealing } = model
  if (sealing === undefined) return undefined
  const given = encodeValues(model, sealing, data, rewriting)
  return new Map(
    sealing.sealed.map((field: EncryptedField) => [field, given.get(field) ?? (given.has(field) ? null : field.initial)]),
  )
}
