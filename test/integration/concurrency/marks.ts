/** Values that nobody else writes: they tell, wherever they are found, who wrote them. */
export interface Mark {
  readonly text: string
  readonly whole: number
  readonly email: string
  readonly json: { readonly by: string }
}

/** Every other whole number is less. */
const WHOLE = 1_000_000
const OPERATIONS = 10

/**
 * @param attempt the number of one attempt to do a unit of work.
 * @param operation which of the unit's operations.
 */
export function markOf(attempt: number, operation: number): Mark {
  const text = `s${attempt}.${operation}`
  return { text, whole: WHOLE + attempt * OPERATIONS + operation, email: `${text}@example.org`, json: { by: text } }
}

/** The attempt that wrote a value; undefined for a value without a mark. */
export function attemptOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value < WHOLE ? undefined : Math.floor((value - WHOLE) / OPERATIONS)
  if (typeof value === 'object' && value !== null) return attemptOf('by' in value ? value.by : undefined)
  const digits = typeof value === 'string' ? /^s(\d+)\.\d/.exec(value)?.[1] : undefined
  return digits === undefined ? undefined : Number(digits)
}
