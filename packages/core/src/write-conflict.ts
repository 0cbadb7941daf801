import type { PrismaNamespace } from './values/contract.ts'

/** What PostgreSQL ends a transaction with so that others can go on: it could not be serialized, or was part of a deadlock. */
const SQL_STATES: ReadonlySet<unknown> = new Set(['40001', '40P01'])

/** Prisma's «write conflict or a deadlock», also where Prisma does not call it that: of raw SQL, and of deadlocks in Prisma 6. */
export function isWriteConflict(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && error.code === 'P2034') return true
  const meta: unknown = 'meta' in error ? error.meta : undefined
  const adapters = isObject(meta) && 'driverAdapterError' in meta ? meta.driverAdapterError : error
  const cause = isObject(adapters) && 'cause' in adapters ? adapters.cause : undefined
  return isObject(cause) && 'originalCode' in cause && SQL_STATES.has(cause.originalCode)
}

/** An error of a statement beside the caller's own, as the caller would have met it there: who tries again looks for P2034. */
export function asOfPrisma(error: unknown, { PrismaClientKnownRequestError, prismaVersion }: PrismaNamespace): unknown {
  if (!isWriteConflict(error)) return error
  const message = 'Transaction failed due to a write conflict or a deadlock. Please retry your transaction'
  return new PrismaClientKnownRequestError(message, { code: 'P2034', clientVersion: prismaVersion.client })
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
