import type { ConditionGetPayload, PatientGetPayload } from '../../generated/envelope/index.ts'

export type Patient = PatientGetPayload
export type Condition = ConditionGetPayload

/** What goes in, and is compared with what comes out. */
export interface Data {
  readonly patients: Patient[]
  readonly conditions: Condition[]
}

/** Wards stand for the columns that an application leaves readable. */
export function wardOf(at: number): string {
  return `ward-${(at % 9) + 1}`
}

/** Midnight UTC, as Prisma gives a `@db.Date`. */
export function dateOf(day: string): Date {
  return new Date(`${day.slice(0, 10)}T00:00:00Z`)
}
