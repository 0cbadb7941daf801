import fc from 'fast-check'
import { variant } from '../../support/client.ts'
import { disorderly, type Operation, orderly, solitary } from './operations.ts'

/** Prisma 6 loses the connection of a transaction whose COMMIT fails, which happens at this level alone: a storm would soon have no connection left. */
export const STRICTEST = variant === '6' ? 'RepeatableRead' : 'Serializable'
const ISOLATION = ['ReadCommitted', 'RepeatableRead', STRICTEST] as const
type Isolation = (typeof ISOLATION)[number]

/** What a writer does at once or not at all. */
export type Unit =
  | { readonly kind: 'operation' | 'batch'; readonly operations: readonly Operation[] }
  | {
      readonly kind: 'interactive'
      readonly operations: readonly Operation[]
      readonly isolationLevel: Isolation
      readonly rollBack: boolean
    }
  /** Reads a number that is encrypted, and writes the next one. */
  | { readonly kind: 'counter' }

/** In or out of transactions, but for locks taken in whatever order. */
export type Mix = 'everything' | 'in one order'

function unitOf(alone: fc.Arbitrary<Operation>, together: fc.Arbitrary<readonly Operation[]>): fc.Arbitrary<Unit> {
  return fc.oneof(
    { weight: 10, arbitrary: alone.map((operation): Unit => ({ kind: 'operation', operations: [operation] })) },
    { weight: 3, arbitrary: together.map((operations): Unit => ({ kind: 'batch', operations })) },
    {
      weight: 6,
      arbitrary: fc
        .tuple(together, fc.constantFrom(...ISOLATION), fc.nat({ max: 3 }))
        .map(([operations, isolationLevel, luck]): Unit => {
          return { kind: 'interactive', operations, isolationLevel, rollBack: luck === 0 }
        }),
    },
    { weight: 1, arbitrary: fc.constant<Unit>({ kind: 'counter' }) },
  )
}

const any = fc.oneof(...orderly, ...solitary, ...disorderly)
const inOrder = fc.oneof(...orderly)

const mixes: Readonly<Record<Mix, fc.Arbitrary<Unit>>> = {
  everything: unitOf(any, fc.array(any, { minLength: 1, maxLength: 3 })),
  'in one order': unitOf(
    fc.oneof(...orderly, ...solitary),
    fc.array(inOrder, { minLength: 1, maxLength: 3 }).map((several) => several.toSorted((a, b) => a.person - b.person)),
  ),
}

/** Units of all writers; the same for the same seed. */
export function unitsOf(mix: Mix, seed: number, count: number): readonly Unit[] {
  return fc.sample(mixes[mix], { seed, numRuns: count })
}

/** Without those that delete a row and show it: what was deleted outside of transactions is gone, also where it can't be opened then. */
export function withoutDeletions(units: readonly Unit[]): readonly Unit[] {
  return units.filter((unit) => unit.kind === 'counter' || unit.operations.every(({ deletes }) => deletes !== true))
}
