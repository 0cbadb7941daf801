import { inspect } from 'node:util'
import type { CompileCodec } from '../../packages/core/src/values/contract.ts'
import type { Column } from './columns.ts'
import { Prisma, type PrismaClient } from './generated/client.ts'

/** What became of a value: how it reads back, or how it was refused. */
export type Outcome = string

/** Whatever else Prisma throws (`PrismaClientUnknownRequestError`, `TypeError`): its own faults, which have no code to reproduce. */
export const FAULT = 'refused: a fault of Prisma'

export const INVALID = 'refused: not of the type'

/** Writes the value to a plain column and reads it back. */
export async function plainOutcome(client: PrismaClient, { name }: Column, value: unknown): Promise<Outcome> {
  let id: number
  try {
    // The probes are what no type would allow.
    ;({ id } = await client.values.create({ data: { [name]: value }, select: { id: true } }))
  } catch (error) {
    if (error instanceof Prisma.PrismaClientValidationError) return INVALID
    return error instanceof Prisma.PrismaClientKnownRequestError ? refusedBy(error) : FAULT
  }
  try {
    const row: Record<string, unknown> | null = await client.values.findUnique({ where: { id } })
    return `read: ${describe(row?.[name])}`
  } catch {
    return FAULT
  }
}

/** Takes the value through its record encoding, by way of JSON text as a sealed record does. */
export function codecOutcome(compile: CompileCodec, { name, plan }: Column, value: unknown): Outcome {
  const codec = compile('Values', name, plan, Prisma)
  try {
    const json = JSON.stringify(codec.encode(value))
    return `read: ${describe(codec.decode(JSON.parse(json)))}`
  } catch (error) {
    if (error instanceof Prisma.PrismaClientKnownRequestError) return refusedBy(error)
    if (error instanceof Error && 'code' in error && error.code === 'INVALID_VALUE') return INVALID
    throw error
  }
}

/** The code, and what of `meta` an application can look at. */
function refusedBy({ code, meta }: Prisma.PrismaClientKnownRequestError): Outcome {
  const { modelName, driverAdapterError } = meta as { modelName: string; driverAdapterError: { name: string; cause: object } }
  const { cause } = driverAdapterError as { cause: { kind: string; originalCode: string } }
  return `refused: ${code} ${modelName} ${driverAdapterError.name} ${cause.kind} ${cause.originalCode} ${Object.keys(cause).sort().join()}`
}

/** Types, order of keys and every digit. */
export function describe(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(describe).join(', ')}]`
  if (Prisma.Decimal.isDecimal(value)) return `Decimal ${value.toFixed()}`
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  return inspect(value, { depth: null, breakLength: Number.POSITIVE_INFINITY, maxStringLength: null, maxArrayLength: null })
}
