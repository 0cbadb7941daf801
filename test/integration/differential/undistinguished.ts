import type { Step } from './history.ts'
import type { Operation } from './operations.ts'

const SEARCHABLE = new Set('email motto title searchVarChar'.split(' '))

/**
 * A history for rows in which one value may stand in several forms: without what would tell them apart, and at the isolation level at which unique values
 * can be written then.
 */
export function withoutDistinction(steps: readonly Step[]): readonly Step[] {
  const kept = (operations: readonly Operation[]) => operations.filter(({ args }) => !distinguishes(args))
  return steps.flatMap((step): readonly Step[] => {
    if (step.kind === 'operation') return distinguishes(step.operation.args) ? [] : [step]
    if (step.kind === 'batch') return [{ ...step, operations: kept(step.operations) }]
    if (step.kind === 'interactive') return [{ ...step, operations: kept(step.operations), isolationLevel: undefined }]
    return [step]
  })
}

function distinguishes(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(distinguishes)
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([key, inner]) => {
    if (key === 'by' || key === 'distinct') return [inner].flat().some((name) => SEARCHABLE.has(String(name)))
    return distinguishes(inner)
  })
}
