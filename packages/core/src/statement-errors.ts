import type { PrismaNamespace } from './values/contract.ts'

/** What PostgreSQL ends a transaction with so that others can go on: it could not be serialized, or was part of a deadlock. */
const SQL_STATES: ReadonlySet<unknown> = new Set(['40001', '40P01'])

/** Prisma's «write conflict or a deadlock», also where Prisma does not call it that: of raw SQL, and of deadlocks in Prisma 6. */
export function isWriteConflict(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && error.code === 'P2034') return true
  return SQL_STATES.has(causeOf(error)?.['originalCode'])
}

/**
 * An error of a statement of SQL beside the caller's own, as the caller would have met it there: who tries again looks for P2034, and who expects twins for
 * P2002.
 *
 * @param models whose operation was called, and whose table the statement is about
 */
export function asOfPrisma(
  error: unknown,
  models: { readonly operation: string | undefined; readonly table: string | undefined },
  { PrismaClientKnownRequestError, prismaVersion }: PrismaNamespace,
): unknown {
  const clientVersion = prismaVersion.client
  if (isWriteConflict(error)) {
    const message = 'Transaction failed due to a write conflict or a deadlock. Please retry your transaction'
    return new PrismaClientKnownRequestError(message, { code: 'P2034', clientVersion })
  }
  const cause = causeOf(error)
  if (cause?.['kind'] !== 'UniqueConstraintViolation') return error
  // Prisma names the model whose operation was called, unless the database has told it the table.
  const modelName = cause['table'] === undefined ? models.operation : models.table
  const meta = { modelName, ...(error as { meta?: object }).meta }
  return new PrismaClientKnownRequestError(`Unique constraint failed on the ${described(cause['constraint'])}`, {
    code: 'P2002',
    clientVersion,
    meta,
  })
}

/** As Prisma puts it. */
function described(constraint: unknown): string {
  const { index, fields } = isObject(constraint) ? constraint : {}
  if (typeof index === 'string') return `constraint: \`${index}\``
  return Array.isArray(fields) ? `fields: (${fields.map((field) => `\`${String(field)}\``).join(',')})` : '(not available)'
}

/** What PostgreSQL said, as the driver adapter passes it on. */
function causeOf(error: unknown): Readonly<Record<string, unknown>> | undefined {
  const { meta } = error as { meta?: unknown }
  const adapters = isObject(meta) && 'driverAdapterError' in meta ? meta['driverAdapterError'] : error
  const cause = isObject(adapters) ? adapters['cause'] : undefined
  return isObject(cause) ? cause : undefined
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
