import { inspect } from 'node:util'
import { Prisma } from './client.ts'
import type { EncryptedClient } from './encrypted-client.ts'

/** A result as text: types, order of keys and every digit. Decimals are compared across the copies of Prisma's runtime. */
export function written(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`
  if (Prisma.Decimal.isDecimal(value)) return `Decimal ${value.toFixed()}`
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : `Date ${value.toISOString()}`
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return `{ ${Object.entries(value)
      .map(([key, inner]) => `${key}: ${written(inner)}`)
      .join(', ')} }`
  }
  return inspect(value, { depth: null, breakLength: Number.POSITIVE_INFINITY, maxStringLength: null, maxArrayLength: null })
}

/** What became of a call: its result, or which error it met. */
export async function outcomeOf(call: () => Promise<unknown>): Promise<string> {
  try {
    return `returned ${written(await call())}`
  } catch (error) {
    const { name, code, meta } = error as { name: string; code?: string; meta?: { modelName?: string; cause?: string } }
    return `threw ${[name, code, meta?.modelName, meta?.cause].filter((part) => part !== undefined).join(' ')}`
  }
}

/** {@link outcomeOf} a call in an interactive transaction that leaves nothing behind. */
export async function rolledBack(db: EncryptedClient, call: (tx: EncryptedClient) => Promise<unknown>): Promise<string> {
  let outcome = ''
  const rollBack = new Error('roll back')
  await db
    .$transaction(async (tx) => {
      outcome = await outcomeOf(() => call(tx as EncryptedClient))
      throw rollBack
    })
    .catch((error: unknown) => {
      if (error !== rollBack) throw error
    })
  return outcome
}
