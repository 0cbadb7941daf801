/** The parts of decimal.js that Prisma recognises a decimal by, whatever copy of the library it is from. */
export interface DecimalLike {
  readonly e: number
  toFixed(): string
}

export function isDate(value: unknown): value is Date {
  return value instanceof Date || Object.prototype.toString.call(value) === '[object Date]'
}

export function isDecimal(value: unknown): value is DecimalLike {
  if (typeof value !== 'object' || value === null) return false
  const { toStringTag, s, e, d, toFixed } = value as Record<string, unknown>
  if (toStringTag === '[object Decimal]') return true
  return typeof s === 'number' && typeof e === 'number' && Array.isArray(d) && typeof toFixed === 'function'
}

/** `DbNull`, `JsonNull` or `AnyNull`, of any copy of Prisma's runtime. */
export function nullName(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { _getName: getName } = value as { _getName?: unknown }
  return typeof getName === 'function' ? String(getName.call(value)) : undefined
}

export function isFieldReference(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)['_toGraphQLInputType'] === 'function'
  )
}

/** What Prisma Client makes of an argument before it looks at the field's type: it calls `toJSON` of objects that it does not know. */
export function plainInput(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  if (isDate(value) || ArrayBuffer.isView(value) || isDecimal(value) || nullName(value) !== undefined) return value
  const { toJSON } = value as { toJSON?: unknown }
  return typeof toJSON === 'function' ? toJSON.call(value) : value
}
