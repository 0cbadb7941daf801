import type { ColumnPlan } from '../plan.ts'
import { compileBoolean } from './boolean.ts'
import { compileBytes } from './bytes.ts'
import type { PrismaNamespace } from './contract.ts'
import { compileDateTime } from './date-time.ts'
import { compileDecimal } from './decimal.ts'
import { compileEnum } from './enum.ts'
import { compileFloat } from './float.ts'
import { compileBigInt, compileInt } from './integer.ts'
import { compileJson, compileJsonElement } from './json.ts'
import { compileString } from './string.ts'
import type { Refusal, ValueCodec } from './value-codec.ts'

/** The codec of a column's values, or of the elements of a list column. */
export function compileScalar(
  { type, native, values = {}, list }: ColumnPlan,
  prisma: PrismaNamespace,
  refusal: Refusal,
): ValueCodec {
  switch (type) {
    case 'Decimal':
      return compileDecimal(native, prisma, refusal)
    case 'Float':
      return compileFloat(native, refusal)
    case 'Json':
      return list === true ? compileJsonElement(native, prisma, refusal) : compileJson(native, prisma, refusal)
    case 'Bytes':
      return compileBytes(refusal)
    case 'String':
    case 'Int':
    case 'BigInt':
    case 'Boolean':
    case 'DateTime':
    case 'Enum':
      return compileKeyable({ type, native, values }, refusal)
  }
}

export interface KeyableColumn {
  readonly type: 'String' | 'Int' | 'BigInt' | 'Boolean' | 'DateTime' | 'Enum'
  readonly native: ColumnPlan['native']
  readonly values: Readonly<Record<string, string>>
}

/** Types whose values have one spelling only, so that a row can be bound to them. */
export function compileKeyable({ type, native, values }: KeyableColumn, refusal: Refusal): ValueCodec<string | number | boolean> {
  switch (type) {
    case 'String':
      return compileString(native, refusal)
    case 'Int':
      return compileInt(native, refusal)
    case 'BigInt':
      return compileBigInt(refusal)
    case 'Boolean':
      return compileBoolean(refusal)
    case 'DateTime':
      return compileDateTime(native, refusal)
    case 'Enum':
      return compileEnum(values, refusal)
  }
}
