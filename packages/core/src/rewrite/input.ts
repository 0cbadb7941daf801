/** An object of the arguments grammar, as against a value: a scalar, a list, `Date`, `Decimal`, bytes, a field reference. */
export type Input = Readonly<Record<string, unknown>>

/**
 * Whether `value` is a plain object. Prisma clones arguments before a hook sees them, so that prototypes say what a thing is; that of another
 * realm's objects (test runners have several) is not this one's `Object.prototype`, but has none itself either.
 */
export function isInput(value: unknown): value is Input {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null
}

/**
 * An object to be filled with keys of the caller's. It inherits nothing, so that `__proto__` is a key like others: as the prototype of an argument its
 * properties would count, as Prisma counts inherited ones in.
 */
export function emptyInput(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>
}

/** A field reference (`prisma.user.fields.email`), which Prisma passes to hooks as it is. */
export interface FieldReference {
  readonly modelName: string
  readonly name: string
}

export function isFieldReference(value: unknown): value is FieldReference {
  return (
    typeof value === 'object' &&
    value !== null &&
    // Json of this shape is a value.
    !isInput(value) &&
    'modelName' in value &&
    'typeName' in value &&
    'name' in value &&
    typeof value.modelName === 'string' &&
    typeof value.name === 'string'
  )
}

/** Prisma takes one object for a list of one in many places. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}

/**
 * Applies `change` to an object or to each object of a list; anything else stays as it is, for Prisma to judge. It does so too where Prisma takes
 * one object only, and refuses a list in a message that shows it.
 */
export function mapInputs(value: unknown, change: (input: Input) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => mapInputs(item, change))
  return isInput(value) ? change(value) : value
}
