import { CONDITION_OPERATIONS } from './condition-operations.ts'
import { MEMBER_OPERATIONS } from './member-operations.ts'
import { PATIENT_OPERATIONS } from './patient-operations.ts'
import type { Operation } from './situation.ts'

export const OPERATIONS: readonly Operation[] = [...PATIENT_OPERATIONS, ...CONDITION_OPERATIONS, ...MEMBER_OPERATIONS]
