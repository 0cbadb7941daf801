import { EnvelopeError } from 'prisma-envelope'
import { written } from '../../support/written.ts'

/** Ids from a sequence: a transaction that was tried twice has used more of them up. */
const FROM_SEQUENCE = 1000

/** A result as text. Rows of a list are compared without their order, which SQL does not promise. */
export function asText(value: unknown): string {
  return written(canonical(value))
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(canonical)
    const rows = items.every((item) => typeof item === 'object' && item !== null)
    return rows ? items.toSorted((a, b) => compare(written(a), written(b))) : items
  }
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === 'id' && isFromSequence(inner) ? 'from a sequence' : canonical(inner),
    ]),
  )
}

function isFromSequence(value: unknown): boolean {
  return typeof value === 'number' && value >= FROM_SEQUENCE
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export interface Outcome {
  readonly text: string
  readonly error?: unknown
}

/** What became of a call: its result, or which error. */
export async function outcomeOf(call: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { text: `returned ${asText(await call())}` }
  } catch (error) {
    return { text: `threw ${nameOf(error)}`, error }
  }
}

/** Prisma does the nested writes of an update whose row it has not found, and may come upon another error first. */
export function findsNoRow(error: unknown): boolean {
  const { code, meta } = error as { code?: string; meta?: { operation?: string } }
  return code === 'P2025' && meta?.operation === 'an update'
}

export function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // The extension refuses wrong values itself: Prisma's message would show them.
  if (error instanceof EnvelopeError)
    return error.code === 'INVALID_VALUE' ? 'PrismaClientValidationError' : `${error.code}: ${error.message}`
  const { code } = error as { code?: string }
  if (error.name === 'PrismaClientKnownRequestError') return code ?? ''
  return error.name.startsWith('PrismaClient') ? error.name : `${error.name}: ${error.message}`
}
