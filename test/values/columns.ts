import type { ColumnPlan, ScalarType } from '../../packages/core/src/plan.ts'

/** Database names of the enum `Mood`. */
const MOODS = { calm: 'calm', very_glad: 'very glad', sad: 'sad' }

/** The scalar columns of `schema.prisma`; each has a list column beside it, `<name>List`. */
const SCALARS: readonly (readonly [name: string, type: ScalarType, native?: string, ...args: number[]])[] = [
  ['string', 'String'],
  ['text', 'String', 'Text'],
  ['varchar', 'String', 'VarChar'],
  ['varchar5', 'String', 'VarChar', 5],
  ['char', 'String', 'Char'],
  ['char5', 'String', 'Char', 5],
  ['uuid', 'String', 'Uuid'],
  ['citext', 'String', 'Citext'],
  ['int', 'Int'],
  ['integer', 'Int', 'Integer'],
  ['smallint', 'Int', 'SmallInt'],
  ['bigint', 'BigInt'],
  ['bigintNative', 'BigInt', 'BigInt'],
  ['float', 'Float'],
  ['double', 'Float', 'DoublePrecision'],
  ['real', 'Float', 'Real'],
  ['decimal', 'Decimal'],
  ['numeric', 'Decimal', 'Decimal'],
  ['decimal5_0', 'Decimal', 'Decimal', 5, 0],
  ['decimal10_2', 'Decimal', 'Decimal', 10, 2],
  ['decimal3_3', 'Decimal', 'Decimal', 3, 3],
  ['boolean', 'Boolean'],
  ['booleanNative', 'Boolean', 'Boolean'],
  ['dateTime', 'DateTime'],
  ['timestamp', 'DateTime', 'Timestamp'],
  ['timestamp0', 'DateTime', 'Timestamp', 0],
  ['timestamp1', 'DateTime', 'Timestamp', 1],
  ['timestamp6', 'DateTime', 'Timestamp', 6],
  ['timestamptz', 'DateTime', 'Timestamptz'],
  ['timestamptz0', 'DateTime', 'Timestamptz', 0],
  ['timestamptz2', 'DateTime', 'Timestamptz', 2],
  ['date', 'DateTime', 'Date'],
  ['time', 'DateTime', 'Time'],
  ['time0', 'DateTime', 'Time', 0],
  ['time2', 'DateTime', 'Time', 2],
  ['json', 'Json'],
  ['jsonb', 'Json', 'JsonB'],
  ['jsonText', 'Json', 'Json'],
  ['bytes', 'Bytes'],
  ['bytea', 'Bytes', 'ByteA'],
  ['enum', 'Enum'],
]

/** A column of the probed table with its plan. */
export interface Column {
  readonly name: string
  readonly type: ScalarType
  readonly native: string | undefined
  readonly plan: ColumnPlan
}

export const scalars: readonly Column[] = SCALARS.map(([name, type, native, ...args]) => ({
  name,
  type,
  native,
  plan: {
    column: name,
    type,
    ...(native === undefined ? {} : { native: { name: native, args } }),
    ...(type === 'Enum' ? { values: MOODS } : {}),
  },
}))

export const lists: readonly Column[] = scalars.map(({ name, type, native, plan }) => ({
  name: `${name}List`,
  type,
  native,
  plan: { ...plan, column: `${name}List`, list: true },
}))
