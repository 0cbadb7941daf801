import { EnvelopeError } from '../errors.ts'

/** The longest delay of a timer in Node, in milliseconds: about 24.8 days. */
export const MAX_MILLISECONDS: number = 2 ** 31 - 1

/**
 * A number from the options that must be whole and within bounds.
 *
 * @throws `CONFIG`
 */
export function wholeNumber(option: string, value: number, from: number, to: number, hint = ''): number {
  if (Number.isInteger(value) && value >= from && value <= to) return value
  throw new EnvelopeError('CONFIG', `${option} must be a whole number from ${from} to ${to}, not ${String(value)}${hint}`)
}
