import type { BoundValue, Envelope, OpenedRow, RowToOpen, RowToSeal } from '../envelope/contract.ts'

/**
 * Rows that an operation has sealed itself. Where its result holds one with the very envelope and the very bound values, the record is known, and
 * opening it again would say nothing new: it saves a tenth of a `create`.
 */
export class SealedRows {
  readonly #byCiphertext = new Map<string, { readonly row: RowToSeal; readonly envelope: Envelope }>()

  #latest: Envelope | undefined

  add(row: RowToSeal, envelope: Envelope): void {
    this.#latest = envelope
    this.#byCiphertext.set(envelope.ct, { row, envelope })
  }

  get isEmpty(): boolean {
    return this.#byCiphertext.size === 0
  }

  /** The envelope that was sealed last: an `update`, which seals no other row, has just written it. */
  get latest(): Envelope | undefined {
    return this.#latest
  }

  /** The record of a row that was sealed here, once: its values go to the caller, who may change them. */
  take({ table, binding, envelope }: RowToOpen): OpenedRow | undefined {
    if (!hasCiphertext(envelope)) return undefined
    const sealed = this.#byCiphertext.get(envelope.ct)
    if (sealed === undefined || sealed.row.table !== table) return undefined
    if (!sameEnvelope(sealed.envelope, envelope) || !sameBinding(sealed.row.binding, binding)) return undefined
    this.#byCiphertext.delete(envelope.ct)
    return { record: sealed.row.record, envelope: sealed.envelope }
  }
}

function hasCiphertext(envelope: unknown): envelope is { readonly ct: string } {
  return typeof envelope === 'object' && envelope !== null && 'ct' in envelope && typeof envelope.ct === 'string'
}

/** The same, or equal in every property; several KMS keys never are, and such rows are opened. */
function sameEnvelope(written: Envelope, read: object): boolean {
  return written === read || sameEntries(written, read, (a, b) => isObject(a) && isObject(b) && sameEntries(a, b, () => false))
}

function sameEntries(written: object, read: object, otherwise: (a: unknown, b: unknown) => boolean): boolean {
  const entries = Object.entries(written)
  if (entries.length !== Object.keys(read).length) return false
  return entries.every(([name, value]) => {
    const other: unknown = Object.hasOwn(read, name) ? Reflect.get(read, name) : undefined
    return other === value || otherwise(value, other)
  })
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function sameBinding(written: readonly BoundValue[], read: readonly BoundValue[]): boolean {
  return (
    written.length === read.length &&
    written.every(({ column, tag, value }, i) => {
      const other = read[i]
      return other !== undefined && other.column === column && other.tag === tag && other.value === value
    })
  )
}
