import { AnyNull, DbNull, Decimal, JsonNull, PrismaClientKnownRequestError, skip } from '@prisma/client/runtime/client'
import type { ColumnPlan, Json, ScalarType } from '../plan.ts'
import { compileCodec } from './codec.ts'
import type { FieldCodec, PrismaNamespace } from './contract.ts'

/** For tests: what a generated client's `Prisma` holds of these. */
export const prisma: PrismaNamespace = {
  Decimal,
  DbNull,
  JsonNull,
  AnyNull,
  skip,
  PrismaClientKnownRequestError,
  prismaVersion: { client: '7.10.0' },
}

/** For tests: the plan of a column, its native type written as in a schema. */
export function planOf(type: ScalarType, native?: string, more: Partial<ColumnPlan> = {}): ColumnPlan {
  const [, name, args = ''] = /^(\w+)(?:\((.*)\))?$/.exec(native ?? '') ?? []
  const given = args === '' ? [] : args.split(',').map(Number)
  return { column: 'the_column', type, ...(name === undefined ? {} : { native: { name, args: given } }), ...more }
}

export function codecOf(type: ScalarType, native?: string, more: Partial<ColumnPlan> = {}): FieldCodec {
  return compileCodec('Patient', 'field', planOf(type, native, more), prisma)
}

/** For tests: the value as it reads back, by way of the record's text. */
export function returned(codec: FieldCodec, value: unknown): unknown {
  return codec.decode(JSON.parse(JSON.stringify(codec.encode(value))) as Json)
}
