import { EnvelopeError } from '../errors.ts'
import type { ColumnPlan, Json } from '../plan.ts'
import type { PrismaNamespace } from './contract.ts'
import { compileList } from './list.ts'
import { fromString, print } from './numeric.ts'
import { compileScalar } from './scalar.ts'
import type { Refusal } from './value-codec.ts'

/**
 * Between what PostgreSQL prints for a column and the record encoding, for those who read and write rows without Prisma Client. Expects the output of
 * `DateStyle` ISO, `TimeZone` UTC, `bytea_output` hex and `extra_float_digits` 1; a list as `to_json(column::text[])` gives it.
 */
export interface ColumnText {
  /**
   * @throws EnvelopeError `INVALID_VALUE` where Prisma Client could not read the value, and where it would read less than the column holds (fractions of
   * milliseconds, digits of JSON numbers that a double does not have) unless `lossy` allows that. The message never holds the value.
   */
  parse(text: string, lossy: boolean): Json
  /** What Prisma Client would have returned, for columns that are no lists. Throws as `parse` does, and is as lossy as Prisma. */
  read(text: string): unknown
  /** @throws EnvelopeError `CANNOT_OPEN` for what is no value of the column. */
  print(value: Json): string
}

const SPECIAL = new Set(['NaN', 'Infinity', '-Infinity'])

/** Compiles the column's own texts. */
export function compileColumnText(column: ColumnPlan): ColumnText {
  const refusal: Refusal = {
    wrongType: (expected) => refuse(`the column holds what is not ${expected}`),
    byDatabase: ({ message }) => refuse(`the column holds what the schema's type does not: ${message}`),
  }
  const scalar = compileScalar(column, WITHOUT_CLIENT, refusal)
  const list = compileList(scalar, (value) => value, refusal)
  const reader = readerOf(column)
  const read = (text: string): unknown => reader(text, true)
  const write = writerOf(column)
  /** What Prisma Client reads from these, and would not take, or would change. */
  const asTheyAre = column.type === 'Decimal' || column.type === 'Json'
  const encode = (value: unknown): Json =>
    column.type === 'Json' ? (value as Json) : ((asTheyAre ? special(value) : undefined) ?? scalar.encode(value))
  const isValue = (value: Json): boolean => scalar.decode(value) !== undefined

  if (column.list === true) {
    return {
      read,
      parse(text, lossy) {
        const elements: unknown = JSON.parse(text)
        const flat = Array.isArray(elements) && elements.every((element) => typeof element === 'string')
        if (!flat) return refuse('the column holds NULL within its list, or a list of several dimensions')
        const values = elements.map((element) => reader(element, lossy))
        return asTheyAre ? values.map(encode) : list.encode(values)
      },
      print(value) {
        if (!Array.isArray(value) || !value.every(isValue)) throw notOfType()
        return arrayLiteral(value.map(write))
      },
    }
  }
  return {
    read,
    parse(text, lossy) {
      const value = encode(reader(text, lossy))
      // In an array of its own, as the column's codec has it.
      return column.type === 'Json' ? [value] : value
    },
    print(value) {
      if (!isValue(value)) throw notOfType()
      return write(column.type === 'Json' ? ((value as readonly Json[])[0] as Json) : value)
    },
  }
}

/** An array of texts as PostgreSQL reads it (manual, «Array Value Input»). */
export function arrayLiteral(elements: readonly (string | null)[]): string {
  const quoted = elements.map((element) => (element === null ? 'NULL' : `"${element.replaceAll(/["\\]/g, '\\$&')}"`))
  return `{${quoted.join(',')}}`
}

function refuse(reason: string): never {
  throw new EnvelopeError('INVALID_VALUE', reason)
}

function notOfType(): EnvelopeError {
  return new EnvelopeError('CANNOT_OPEN', "the sealed record holds something else than the field's type")
}

/** Numeric's own values that are no numbers; Prisma reads them, and takes them from nobody. */
function special(value: unknown): string | undefined {
  return typeof value === 'string' && SPECIAL.has(value) ? value : undefined
}

/** Stands for a generated client: of its classes, reading a column needs only a decimal that is never computed with. */
const WITHOUT_CLIENT: PrismaNamespace = {
  Decimal: class {
    readonly text: string
    constructor(value: string | number) {
      this.text = String(value)
    }
  },
  DbNull: undefined,
  JsonNull: undefined,
  AnyNull: undefined,
  PrismaClientKnownRequestError: Error,
  prismaVersion: { client: '' },
}

/** From a column's text to what Prisma Client would have returned. */
function readerOf({ type, values = {}, native }: ColumnPlan): (text: string, lossy: boolean) => unknown {
  switch (type) {
    case 'String':
    case 'Decimal':
      return (text) => text
    case 'Int':
      return Number
    case 'Float':
      return (text, lossy) => {
        if (!lossy && text === '-0') return refuse('the column holds -0, which Prisma Client writes as 0')
        return Number(text)
      }
    case 'BigInt':
      return BigInt
    case 'Boolean':
      return (text) => text === 't' || text === 'true'
    case 'DateTime':
      return (text, lossy) =>
        readInstant(native?.name === 'Time' || native?.name === 'Timetz' ? `1970-01-01 ${text}` : text, lossy)
    case 'Json':
      return (text, lossy) => {
        if (!lossy && losesDigits(text)) return refuse('the column holds a number with more digits than Prisma Client reads')
        return readJson(text)
      }
    case 'Bytes':
      return (text) => Buffer.from(text.slice(2), 'hex')
    case 'Enum': {
      const names = new Map(Object.entries(values).map(([name, label]) => [label, name]))
      return (text) => names.get(text) ?? refuse('the column holds a value that the enum of the schema does not have')
    }
  }
}

/** From a value in the record encoding to what PostgreSQL reads. Json values are printed as they are. */
function writerOf({ type, native }: ColumnPlan): (value: Json) => string {
  switch (type) {
    case 'Json':
      return (value) => JSON.stringify(value)
    case 'Bytes':
      return (value) => `\\x${Buffer.from(value as string, 'base64').toString('hex')}`
    case 'DateTime':
      // PostgreSQL reads years of any length, and no sign in front.
      return (value) => {
        const text = (value as string).replace(/^\+0*/, '')
        return native?.name === 'Time' ? text.replace(/^.*T/, '').replace('Z', '') : text
      }
    case 'String':
    case 'Int':
    case 'BigInt':
    case 'Float':
    case 'Decimal':
    case 'Boolean':
    case 'Enum':
      return String
  }
}

/** As PostgreSQL prints it, or as `print` does. */
const INSTANT = /^(\d{4,})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?$/

function readInstant(text: string, lossy: boolean): Date {
  const match = INSTANT.exec(text)
  if (match === null) return refuse('the column holds infinity, or a date before the year 1')
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', sign, hours, minutes = '00'] = match
  if (!lossy && /[1-9]/.test(fraction.slice(3)))
    return refuse('the column holds microseconds, of which Prisma Client reads milliseconds')
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  date.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.slice(0, 3).padEnd(3, '0')))
  const offset = sign === undefined ? 0 : (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60_000 : 60_000)
  return new Date(date.getTime() - offset)
}

/** Longer texts may nest deeper than Node's call stack. */
const SURELY_SHALLOW = 2000

function readJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  if (text.length <= SURELY_SHALLOW) return value
  try {
    JSON.stringify(value)
    return value
  } catch (error) {
    if (error instanceof RangeError) return refuse('the column holds JSON of more levels than Node can write')
    throw error
  }
}

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.]*(?:[eE][+-]?\d+)?/g
/** A double keeps any decimal of this many digits. */
const SAFE_DIGITS = 15

/** Whether a JSON text holds a number that reading it as a double changes. */
function losesDigits(text: string): boolean {
  for (const [token] of text.matchAll(STRING_OR_NUMBER)) {
    if (token.startsWith('"') || (token.length <= SAFE_DIGITS && !/e|^-0/i.test(token))) continue
    const number = Number(token)
    if (Object.is(number, -0)) return true
    const [exact, read] = [fromString(token), fromString(String(number))]
    if (!Number.isFinite(number) || exact === undefined || read === undefined || print(exact) !== print(read)) return true
  }
  return false
}
