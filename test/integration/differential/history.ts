import fc from 'fast-check'
import { type Operation, operation, unanswerable } from './operations.ts'

export const ISOLATION = ['ReadCommitted', 'RepeatableRead', 'Serializable'] as const

/** One step of a history: what an application would do between two looks at the database. */
export type Step =
  | { readonly kind: 'start' }
  | { readonly kind: 'operation'; readonly operation: Operation }
  | { readonly kind: 'refused'; readonly operation: Operation }
  | { readonly kind: 'batch'; readonly operations: readonly Operation[] }
  | {
      readonly kind: 'interactive'
      readonly operations: readonly Operation[]
      readonly rollBack: boolean
      readonly isolationLevel: (typeof ISOLATION)[number] | undefined
    }

const several = fc.array(operation, { minLength: 1, maxLength: 3 })
const inArray = several.map((operations) => operations.filter(({ fluent }) => fluent === undefined))

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: operation.map((given): Step => ({ kind: 'operation', operation: given })) },
  { weight: 1, arbitrary: unanswerable.map((given): Step => ({ kind: 'refused', operation: given })) },
  { weight: 2, arbitrary: inArray.map((operations): Step => ({ kind: 'batch', operations })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(several, fc.boolean(), fc.constantFrom(undefined, ...ISOLATION))
      .map(([operations, rollBack, isolationLevel]): Step => ({ kind: 'interactive', operations, rollBack, isolationLevel })),
  },
)

/** Histories of an application; some begin with rows in every table, some with none. */
export const history: fc.Arbitrary<readonly Step[]> = fc
  .tuple(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant<readonly Step[]>([{ kind: 'start' }]) },
      { weight: 1, arbitrary: fc.constant([]) },
    ),
    fc.array(step, { minLength: 1, maxLength: 14 }),
  )
  .map((parts) => parts.flat())
