import { creating } from './contests/creating.ts'
import { reading } from './contests/reading.ts'
import { updating } from './contests/updating.ts'
import { openFloor } from './floor.ts'
import { type Contest, compare, type Outcome } from './side-by-side.ts'
import type { Stand } from './stand.ts'
import { assertEncrypted, openSubjects, refill } from './subjects.ts'

export const OPERATIONS = [
  'findMany1000',
  'findMany100',
  'findUnique',
  'create',
  'createMany1000',
  'updateAll',
  'updateOne',
  'updateMany1000',
  'upsert',
  'nestedCreate',
  'nestedUpdate',
  'transactionBatch10',
  'plainModel',
] as const

export type OperationName = (typeof OPERATIONS)[number]

/** Times operations of Prisma Client with and without encryption, and checks what they did. */
export async function timeOperations(
  stand: Stand,
  names: readonly OperationName[],
  report: (name: OperationName, outcome: Outcome) => void,
) {
  const subjects = openSubjects(stand)
  await refill(stand, subjects)
  const floor = await openFloor(stand)
  const contests: Record<OperationName, Contest> = { ...reading(floor), ...creating(stand), ...updating(floor) }
  const outcomes = {} as Record<OperationName, Outcome>
  for (const name of names) {
    await refill(stand, subjects)
    outcomes[name] = await compare(subjects, contests[name])
    await assertEncrypted(stand)
    report(name, outcomes[name])
  }
  return outcomes
}
