import type { Column } from './columns.ts'
import { FAULT, INVALID, type Outcome } from './outcome.ts'

/** Where an encrypted field does not do what the plain column does, on purpose. */
export interface Deviation {
  readonly why: string
  readonly types?: readonly Column['type'][]
  readonly inLists?: true
  /** Names of probes. */
  readonly probes?: readonly string[]
  readonly plain: (outcome: Outcome) => boolean
  readonly codec: (outcome: Outcome) => boolean
}

const isRead = (outcome: Outcome) => outcome.startsWith('read: ')
const isInvalid = (outcome: Outcome) => outcome === INVALID
const any = () => true

export const deviations: readonly Deviation[] = [
  {
    why: "what makes Prisma fail without a code has a type's own error here, or works as it does by way of `set`",
    plain: (outcome) => outcome === FAULT,
    codec: any,
  },
  {
    why: 'undefined is no value: the rewriting leaves such fields alone',
    types: ['String'],
    probes: ['undef'],
    plain: (outcome) => outcome === 'read: null',
    codec: isInvalid,
  },
  {
    why: 'Prisma silently makes NULL of these where the type has no such number',
    types: ['Int', 'BigInt', 'Decimal'],
    probes: ['nan', 'inf', 'ninf'],
    plain: (outcome) => outcome === 'read: null',
    codec: isInvalid,
  },
  {
    why: 'Prisma has years beyond 9999 stored, but reads them as Invalid Date',
    types: ['DateTime'],
    plain: (outcome) => outcome.includes('Invalid Date'),
    codec: (outcome) => /\+\d{6}-/.test(outcome),
  },
  {
    why: 'on some paths Prisma cuts numbers to 16 significant digits, on others (`set`, objects) it does not: all digits are kept',
    types: ['Float', 'Json'],
    probes: 'max negmax f32max i64 u64 big17 eps nearhalf realMin numMax sum sumIn big20'.split(' '),
    plain: (outcome) => isRead(outcome) || outcome.includes(' P2020 '),
    codec: isRead,
  },
  {
    why: 'a list takes what it takes by way of `set`',
    types: ['Float'],
    inLists: true,
    probes: ['nan', 'inf', 'ninf'],
    plain: isInvalid,
    codec: isRead,
  },
  {
    why: 'a list says what a single value says',
    types: ['BigInt'],
    inLists: true,
    probes: ['e19', 'e20', 'e21', 'minus63'],
    plain: isInvalid,
    codec: (outcome) => /P2020|P2007/.test(outcome),
  },
  {
    why: "objects that look like Prisma's own markers are plain data",
    types: ['Json'],
    probes: ['rawp', 'typed', 'nestedArrJsonNull'],
    plain: any,
    codec: isRead,
  },
  {
    why: 'an object that leaves itself out is no value',
    types: ['Json'],
    probes: ['toJSONnothing'],
    plain: isRead,
    codec: isInvalid,
  },
]

export function explains(
  { types, inLists, probes, plain, codec }: Deviation,
  column: Column,
  probe: string,
  outcomes: { readonly plain: Outcome; readonly codec: Outcome },
): boolean {
  return (
    (types === undefined || types.includes(column.type)) &&
    (inLists === undefined || column.plan.list === true) &&
    (probes === undefined || probes.includes(probe)) &&
    plain(outcomes.plain) &&
    codec(outcomes.codec)
  )
}
