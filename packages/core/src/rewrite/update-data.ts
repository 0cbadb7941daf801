import { givenValue, ownedBy } from './binding.ts'
import type { Input } from './input.ts'
import type { Model, Sealing } from './model.ts'
import { NeedsSteps } from './needs-steps.ts'
import type { Rewriting } from './rewriting.ts'
import { refuseUniqueChange } from './unique-keys.ts'

/** The encrypted fields that `data` writes. */
export function encryptedIn(sealing: Sealing, data: Input, rewriting: Rewriting): readonly string[] {
  return sealing.encrypted.map((field) => field.name).filter((name) => isGiven(data[name], rewriting))
}

/** The bound columns that `data` writes, itself or through the relation that holds them. */
export function boundIn(model: Model, sealing: Sealing, data: Input, rewriting: Rewriting): readonly string[] {
  return sealing.bound.map((bound) => bound.name).filter((name) => isWritten(model, name, data, rewriting))
}

/** Whether an update with `data` has to seal the row anew. */
export function reseals(model: Model, data: Input, rewriting: Rewriting): boolean {
  const { sealing } = model
  return (
    sealing !== undefined &&
    (encryptedIn(sealing, data, rewriting).length > 0 ||
      boundIn(model, sealing, data, rewriting).length > 0 ||
      !rewriting.isAbsent(data[sealing.field]))
  )
}

function isWritten(model: Model, name: string, data: Input, rewriting: Rewriting): boolean {
  return isGiven(data[name], rewriting) || ownedBy(model, name).some((relation) => isGiven(data[relation.name], rewriting))
}

/** `{ set: undefined }` gives nothing. */
export function isGiven(value: unknown, rewriting: Rewriting): boolean {
  return !rewriting.isAbsent(value) && !rewriting.isAbsent(givenValue(value))
}

const IN_ONE_QUERY = 'in a batch that Prisma runs by itself, this update'

/**
 * Throws where an update that can't re-seal rows would have to: it writes an encrypted or a bound column, or one that bound foreign keys of
 * other models follow.
 *
 * @throws NeedsSteps where rows have to be sealed anew; EnvelopeError `ENVELOPE_INPUT`
 */
export function refuseSealedChange(model: Model, data: unknown, rewriting: Rewriting): void {
  rewriting.oneInput(model, 'data', data, (input) => refuseChange(model, input, rewriting))
}

function refuseChange(model: Model, data: Input, rewriting: Rewriting): void {
  refuseReferencedChange(model, data, rewriting)
  refuseUniqueChange(model, data, rewriting)
  const { sealing } = model
  if (sealing === undefined) return
  if (!rewriting.isAbsent(data[sealing.field])) {
    throw rewriting.error('ENVELOPE_INPUT', 'the envelope is written by the extension alone; leave it out', model, sealing.field)
  }
  const encrypted = encryptedIn(sealing, data, rewriting)[0]
  if (encrypted !== undefined) {
    throw new NeedsSteps(rewriting.error('UNSUPPORTED', `${IN_ONE_QUERY} can't write an encrypted field`, model, encrypted))
  }
  const bound = boundIn(model, sealing, data, rewriting)[0]
  if (bound !== undefined) {
    throw new NeedsSteps(rewriting.error('UNSUPPORTED', `${IN_ONE_QUERY} can't change what the row is bound to`, model, bound))
  }
}

/** The fields that `data` writes and bound foreign keys follow: `ON UPDATE CASCADE` changes the rows that hold those. */
export function referencedIn(model: Model, data: Input, rewriting: Rewriting): readonly string[] {
  return [...model.referencedByBound].filter((name) => isWritten(model, name, data, rewriting))
}

/** @throws NeedsSteps where `data` changes bound columns of other rows. */
export function refuseReferencedChange(model: Model, data: Input, rewriting: Rewriting): void {
  const [field] = referencedIn(model, data, rewriting)
  if (field === undefined) return
  const reason = `${IN_ONE_QUERY} can't change what rows of another model are bound to, through their foreign key`
  throw new NeedsSteps(rewriting.error('UNSUPPORTED', reason, model, field))
}
