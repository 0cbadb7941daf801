const RFC_3339 = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:[Zz]|([+\-\u2212])(\d{2}):(\d{2}))$/

/**
 * Milliseconds since 1970 of an RFC 3339 string, cut to whole milliseconds, as Prisma's query compiler reads it: `t` or a space for `T` and U+2212 for
 * the minus are fine, a missing offset, a bare date or a February 30th are not (`undefined`). `NaN` for what that compiler takes but JavaScript can't
 * express, which PostgreSQL then refuses: leap seconds, and offsets that lead out of the years 0 to 9999.
 */
export function parseRfc3339(text: string): number | undefined {
  const match = RFC_3339.exec(text)
  if (match === null) return undefined
  const [, date = '', hour = '', minute = '', second = '', fraction = '', sign, offsetHour = '0', offsetMinute = '0'] = match
  const midnight = new Date(`${date}T00:00:00.000Z`)
  if (Number.isNaN(midnight.getTime()) || midnight.toISOString().slice(0, 10) !== date) return undefined
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined
  if (second === '60') return Number.NaN
  const timeOfDay =
    ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000 + Number(fraction.slice(0, 3).padEnd(3, '0'))
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000 * (sign === undefined || sign === '+' ? 1 : -1)
  const instant = midnight.getTime() + timeOfDay - offset
  const year = new Date(instant).getUTCFullYear()
  return year < 0 || year > 9999 ? Number.NaN : instant
}
