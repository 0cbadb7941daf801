import { EnvelopeError, type EnvelopeErrorCode } from './errors.ts'

/** Tells the class's objects from others, whichever copy of this package made them. No JSON can hold it. */
const BRAND: unique symbol = Symbol.for('prisma-envelope.unreadable')

/**
 * Prisma Client copies the arguments that it is given, by their enumerable properties, inherited ones included: a mark that survives that, and that
 * neither JSON nor `util.inspect` shows.
 */
const MARK = '~prisma-envelope.unreadable'

/**
 * Stands in place of a value of a row that did not open, where `onUnreadable` is `'mark'`. It never turns into text or a number: that throws, so that
 * it can't pass for a value. It can't be written.
 *
 * @example
 * for (const patient of await prisma.patient.findMany()) {
 *   console.log(isUnreadable(patient.fullName) ? `not readable: ${patient.fullName.code}` : patient.fullName)
 * }
 */
export class UnreadableValue {
  /** Why the row did not open. */
  readonly code: EnvelopeErrorCode
  readonly model: string
  readonly field: string
  readonly primaryKey: Readonly<Record<string, unknown>>

  constructor(code: EnvelopeErrorCode, model: string, field: string, primaryKey: Readonly<Record<string, unknown>>) {
    this.code = code
    this.model = model
    this.field = field
    this.primaryKey = Object.freeze({ ...primaryKey })
    Object.freeze(this)
  }

  toJSON(): { readonly unreadable: EnvelopeErrorCode } {
    return { unreadable: this.code }
  }

  /** @throws EnvelopeError */
  toString(): never {
    return this.#refuse()
  }

  /** @throws EnvelopeError */
  valueOf(): never {
    return this.#refuse()
  }

  /** @throws EnvelopeError */
  [Symbol.toPrimitive](): never {
    return this.#refuse()
  }

  #refuse(): never {
    const { code, model, field, primaryKey } = this
    throw new EnvelopeError(code, 'the row did not open, and this value of it is not known: ask `isUnreadable(value)` first', {
      model,
      field,
      primaryKey,
    })
  }
}

Object.defineProperty(UnreadableValue.prototype, BRAND, { value: true })
Object.defineProperty(UnreadableValue.prototype, MARK, { value: true, enumerable: true })

/** Whether a field of a row holds no value, because the row did not open. */
export function isUnreadable(value: unknown): value is UnreadableValue {
  return typeof value === 'object' && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true
}

/** Whether an argument is an {@link UnreadableValue}, or the copy that Prisma Client made of one. */
export function wasUnreadable(value: object): boolean {
  return (value as { [MARK]?: unknown })[MARK] === true
}
