import { EnvelopeError } from '../../errors.ts'

/** One key as one KMS key wrapped it. */
export interface KeyForm {
  /** Of the provider. */
  readonly name: string
  readonly wrapped: Uint8Array
}

/** No KMS that we know begins what it wraps like this; where one did, its bytes would not open, and never as another key. */
const MAGIC = Buffer.from('pe-forms:1', 'latin1')

/**
 * Several wrapped forms of one key as one: the magic, then for each form u8(length) ‖ name ‖ u16be(length) ‖ bytes.
 *
 * Names need no protection: whoever swaps forms has them opened by a KMS key that did not wrap them, which it refuses.
 */
export function joinForms(forms: readonly KeyForm[]): Uint8Array {
  const parts: Buffer[] = [MAGIC]
  for (const { name, wrapped } of forms) {
    const head = Buffer.alloc(3)
    head.writeUInt8(name.length, 0)
    head.writeUInt16BE(wrapped.length, 1)
    parts.push(head.subarray(0, 1), Buffer.from(name, 'latin1'), head.subarray(1), Buffer.from(wrapped))
  }
  return Buffer.concat(parts)
}

/**
 * The forms of what {@link joinForms} made; undefined where it is something else.
 *
 * @throws `CANNOT_OPEN` where it is cut short or has bytes left over.
 */
export function splitForms(joined: Uint8Array): readonly KeyForm[] | undefined {
  const bytes = Buffer.from(joined.buffer, joined.byteOffset, joined.byteLength)
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined
  const forms: KeyForm[] = []
  let at = MAGIC.length
  const take = (length: number): Buffer => {
    const taken = bytes.subarray(at, at + length)
    if (taken.length < length) throw damaged()
    at += length
    return taken
  }
  while (at < bytes.length) {
    const name = take(take(1).readUInt8()).toString('latin1')
    forms.push({ name, wrapped: take(take(2).readUInt16BE()) })
  }
  if (forms.length === 0) throw damaged()
  return forms
}

function damaged(): EnvelopeError {
  return new EnvelopeError('CANNOT_OPEN', 'What several KMS keys wrapped is cut short or altered')
}
