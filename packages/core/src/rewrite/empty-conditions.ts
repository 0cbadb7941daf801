import { type Input, isInput, listOf } from './input.ts'

/**
 * Whether Prisma finds no row by a `where` because of an `OR` of which nothing is left once its empty conditions are taken out. It does so at the top
 * alone: further down such an `OR` is an empty condition itself, and takes no part.
 */
export function hasEmptyOr(where: Input): boolean {
  return where['OR'] !== undefined && listOf(where['OR']).every(isEmpty)
}

/** Whether a condition says nothing. */
function isEmpty(where: unknown): boolean {
  if (!isInput(where)) return where === undefined
  return Object.entries(where).every(([key, value]) =>
    key === 'AND' || key === 'OR' || key === 'NOT' ? listOf(value).every(isEmpty) : value === undefined || isEmptyFilter(value),
  )
}

/** What is said of one field or relation. */
function isEmptyFilter(filter: unknown): boolean {
  if (!isInput(filter)) return false
  return Object.entries(filter).every(([key, value]) => value === undefined || (key === 'not' && isEmptyFilter(value)))
}
