import type { ColumnPlan } from 'prisma-envelope/plan'

type Typed = Pick<ColumnPlan, 'type' | 'list' | 'native'>

/** Length of a blind-index token: `~`, 4 of the index key's id, `.`, and 43 of base64url (`docs/format.md`). */
export const TOKEN_LENGTH = 49

const TOKEN = /^~[A-Za-z0-9_-]{4}\.[A-Za-z0-9_-]{43}$/

export function looksLikeToken(text: string): boolean {
  return TOKEN.test(text)
}

/** PostgreSQL writes these in forms of its own, lacks `=` for them, or takes nothing that could stand for any value. */
const UNFIT = ['Bit', 'VarBit', 'Xml', 'Inet', 'Money', 'Oid', 'Timetz']

export function nativeName(column: Typed): string {
  const { native } = column
  return native === undefined ? '' : `@db.${native.name}${native.args.length === 0 ? '' : `(${native.args.join(', ')})`}`
}

/** Why a column of this type can hold neither placeholder nor token. */
export function unfitForEncryption(column: Typed): string | undefined {
  if (column.native === undefined || !UNFIT.includes(column.native.name)) return undefined
  const remedy =
    column.type === 'String'
      ? '@db.Text'
      : column.type === 'Decimal'
        ? '@db.Decimal'
        : column.type === 'DateTime'
          ? '@db.Timestamptz'
          : 'another type'
  return `${nativeName(column)} can hold neither a placeholder nor a token; change the column to ${remedy}`
}

/** Why a column of this type can't hold tokens that are compared byte by byte. */
export function unfitForTokens(column: Typed, lowercase: boolean): string | undefined {
  if (column.list) return 'lists are not searchable; remove searchable'
  if (column.type !== 'String') return `only String fields are searchable, this one is ${column.type}; remove searchable`
  const name = column.native?.name
  if (name === 'Uuid') return 'a uuid column has no room for a token; change it to @db.Text, or remove searchable'
  if (name === 'Citext' && !lowercase) {
    return '@db.Citext compares without regard to case, a token does not; add normalize: [lowercase]'
  }
  const room = maximumLength(column)
  if (room !== undefined && room < TOKEN_LENGTH) {
    return `a token has ${TOKEN_LENGTH} characters, ${nativeName(column)} holds ${room}; widen the column to @db.VarChar(${TOKEN_LENGTH}) or more, or to @db.Text`
  }
  return undefined
}

/** Why it can't be known in which form PostgreSQL returns a value of this type: such a column can't be bound. */
export function unknownForm(column: Typed): string | undefined {
  const { type, native } = column
  const what = `${type}${native === undefined ? '' : ` ${nativeName(column)}`}`
  if (column.list) return 'lists'
  switch (type) {
    case 'Enum':
    case 'Boolean':
    case 'BigInt':
      return undefined
    case 'String':
      return native === undefined || ['Text', 'VarChar', 'Char', 'Uuid'].includes(native.name) ? undefined : what
    case 'Int':
      return native === undefined || ['Integer', 'SmallInt'].includes(native.name) ? undefined : what
    case 'DateTime': {
      if (native === undefined || native.name === 'Date') return undefined
      if (native.name !== 'Timestamp' && native.name !== 'Timestamptz') return what
      // Prisma keeps milliseconds; a coarser column would round them.
      return (native.args[0] ?? 6) >= 3 ? undefined : what
    }
    default:
      return what
  }
}

/** Characters that fit, where there is a limit. */
export function maximumLength({ native }: Typed): number | undefined {
  if (native?.name === 'Char') return native.args[0] ?? 1
  if (native?.name === 'VarChar') return native.args[0]
  return undefined
}
