import { type DatabaseError, unmapped } from './database-error.ts'
import { isDate } from './input.ts'
import { parseRfc3339 } from './rfc3339.ts'
import type { NativeType, Refusal, ValueCodec } from './value-codec.ts'

const DAY = 86_400_000

/** PostgreSQL counts timestamps from here, and rounds away from here. */
const POSTGRES_EPOCH = Date.UTC(2000, 0, 1)

/** Instants of whole milliseconds: Prisma carries no more, whatever the column could hold. */
export function compileDateTime(native: NativeType, refusal: Refusal): ValueCodec<string> {
  const keep = compileRounding(native)
  const hasDate = native?.name !== 'Time'
  const expected = 'a valid Date, or an ISO 8601 string with date, time and offset (DateTime)'
  return {
    expected,
    encode(value) {
      const instant = isDate(value) ? Date.prototype.getTime.call(value) : parse(value)
      if (instant === undefined || (Number.isNaN(instant) && isDate(value))) return refusal.wrongType(expected)
      if (Number.isNaN(instant)) return refusal.byDatabase(unmapped('22007', 'invalid input syntax for type timestamp'))
      const refused = hasDate ? refusedYear(new Date(instant).getUTCFullYear()) : undefined
      if (refused !== undefined) return refusal.byDatabase(refused)
      return new Date(keep(instant)).toISOString()
    },
    decode(json) {
      // 24 characters for years of four digits, 27 for others.
      if (typeof json !== 'string' || (json.length !== 24 && json.length !== 27)) return undefined
      const date = new Date(json)
      return Number.isNaN(date.getTime()) ? undefined : date
    },
    same: (a, b) => isDate(a) && isDate(b) && a.getTime() === b.getTime(),
  }
}

function parse(value: unknown): number | undefined {
  return typeof value === 'string' ? parseRfc3339(value) : undefined
}

/** Years before 1 reach PostgreSQL in a form that it can't read. */
function refusedYear(year: number): DatabaseError | undefined {
  if (year > 0) return undefined
  if (year === 0) return unmapped('22008', 'date/time field value out of range')
  return year > -100
    ? unmapped('22007', 'invalid input syntax for type timestamp')
    : unmapped('22009', 'time zone displacement out of range')
}

function compileRounding(native: NativeType): (instant: number) => number {
  const unit = 10 ** Math.max(0, 3 - (native?.args[0] ?? 3))
  switch (native?.name) {
    case 'Date':
      return (instant) => Math.floor(instant / DAY) * DAY
    case 'Time':
      // Half a unit before midnight becomes 24:00:00, which Prisma reads as the next day.
      return (instant) => toMultiple(instant - Math.floor(instant / DAY) * DAY, unit)
    default:
      return unit === 1 ? (instant) => instant : (instant) => POSTGRES_EPOCH + toMultiple(instant - POSTGRES_EPOCH, unit)
  }
}

/** Half away from zero. */
function toMultiple(span: number, unit: number): number {
  return Math.sign(span) * Math.floor(Math.abs(span) / unit + 0.5) * unit
}
