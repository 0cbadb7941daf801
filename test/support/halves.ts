import type { ContextOf, KeyOf } from 'prisma-envelope'

/** Patients belong to one of two tenants by the last character of their ids, and the second one has a KMS key of its own. */
export const halfOf: ContextOf = ({ bound }) => ({ half: isOdd(bound['id']) ? 'odd' : 'even' })

export const keyOfHalf: KeyOf = ({ bound }) => (isOdd(bound['id']) ? 'next' : undefined)

function isOdd(id: string | null | undefined): boolean {
  return Number.parseInt((id ?? '').slice(-1), 16) % 2 === 1
}
