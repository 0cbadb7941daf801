import type { PrismaNamespace } from './contract.ts'

/** What PostgreSQL would have refused a value with, without the value. */
export interface DatabaseError {
  readonly code: 'P2000' | 'P2007' | 'P2020' | 'P2039'
  readonly sqlState: string
  readonly message: string
}

export const tooLong = (type: string): DatabaseError => ({
  code: 'P2000',
  sqlState: '22001',
  message: `value too long for type ${type}`,
})

export const notOfSyntax = (type: string): DatabaseError => ({
  code: 'P2007',
  sqlState: '22P02',
  message: `invalid input syntax for type ${type}`,
})

export const outOfRange = (message: string): DatabaseError => ({ code: 'P2020', sqlState: '22003', message })

/** Errors of PostgreSQL that Prisma has no code of its own for. */
export const unmapped = (sqlState: string, message: string): DatabaseError => ({ code: 'P2039', sqlState, message })

/** How `@prisma/adapter-pg` classifies what Prisma Client then gives these codes. */
const KINDS = { P2000: 'LengthMismatch', P2007: 'InvalidInputValue', P2020: 'ValueOutOfRange', P2039: 'postgres' }

/**
 * The error that Prisma Client would have thrown, of the user's own class and with the same shape of `meta`, so that code which looks at
 * `meta.driverAdapterError.cause` keeps working. Unlike Prisma's it names the field and never quotes the value.
 */
export function knownRequestError(
  prisma: PrismaNamespace,
  place: { readonly model: string; readonly field: string; readonly column: string },
  { code, sqlState, message }: DatabaseError,
): Error {
  const kind = KINDS[code]
  const details = {
    P2000: { column: place.column },
    P2007: { message },
    P2020: { cause: message },
    P2039: { code: sqlState, severity: 'ERROR', message, detail: undefined, column: undefined, hint: undefined },
  }[code]
  const cause = { originalCode: sqlState, originalMessage: message, kind, ...details }
  const driverAdapterError = new Error('message' in details ? message : kind, { cause })
  driverAdapterError.name = 'DriverAdapterError'
  return new prisma.PrismaClientKnownRequestError(
    `${place.model}.${place.field}: ${describe(code, sqlState, message, place.column)}`,
    {
      code,
      clientVersion: prisma.prismaVersion.client,
      meta: { modelName: place.model, driverAdapterError },
    },
  )
}

function describe(code: DatabaseError['code'], sqlState: string, message: string, column: string): string {
  switch (code) {
    case 'P2000':
      return `The provided value for the column is too long for the column's type. Column: ${column}`
    case 'P2007':
      return `Invalid input value: ${message}`
    case 'P2020':
      return `Value out of range for the type: ${message}`
    case 'P2039':
      return `Database error. Code: \`${sqlState}\`. Message: \`${message}\``
  }
}
