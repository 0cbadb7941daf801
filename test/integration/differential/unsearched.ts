import type { Step } from './history.ts'
import type { Operation } from './operations.ts'
import { MARKER } from './values.ts'

const RELATIONS = new Set(
  'boss staff friends friendOf locker badge letters memberships owner author person club opposite'.split(' '),
)
const SEARCHABLE = new Set('email motto title searchVarChar'.split(' '))

type Place = 'args' | 'where' | 'data'

/** A history without look-ups by encrypted values, in which no two values are equal that stand for one: what is left is reading and writing. */
export function withoutSearches(steps: readonly Step[]): readonly Step[] {
  let written = 0
  const distinct = (value: unknown): unknown => {
    if (typeof value === 'string') return value.startsWith(`${MARKER}-`) ? `${value}-${(written += 1)}` : value
    if (Array.isArray(value)) return value.map(distinct)
    if (!isObject(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, distinct(inner)]))
  }
  const renamed = (operation: Operation): Operation => ({ ...operation, args: distinct(operation.args) as Operation['args'] })
  return steps.flatMap((step): readonly Step[] => {
    if (step.kind === 'start' || step.kind === 'refused') return [step]
    if (step.kind === 'operation')
      return searches(step.operation.args, 'args') ? [] : [{ ...step, operation: renamed(step.operation) }]
    return [{ ...step, operations: step.operations.filter(({ args }) => !searches(args, 'args')).map(renamed) }]
  })
}

function searches(value: unknown, place: Place): boolean {
  if (Array.isArray(value)) return value.some((item) => searches(item, place))
  if (!isObject(value)) return false
  return Object.entries(value).some(([key, inner]) => {
    if (place === 'where') return (SEARCHABLE.has(key) && !isNullness(inner)) || searches(inner, place)
    if (place === 'data') return RELATIONS.has(key) && searchesNested(inner)
    if (key === 'where' || key === 'cursor') return searches(inner, 'where')
    if (key === 'data' || key === 'create' || key === 'update') return searches(inner, 'data')
    if (key === 'by' || key === 'distinct') return [inner].flat().some((name) => SEARCHABLE.has(String(name)))
    if (key === 'select' || key === 'include')
      return isObject(inner) && Object.values(inner).some((below) => searches(below, 'args'))
    return false
  })
}

function searchesNested(write: unknown): boolean {
  if (!isObject(write)) return false
  return Object.entries(write).some(([operation, argument]) => {
    if (['connect', 'set', 'disconnect', 'delete', 'deleteMany'].includes(operation)) return searches(argument, 'where')
    return [argument].flat().some((input) => {
      if (!isObject(input)) return false
      const wraps = operation !== 'create' && ('data' in input || 'where' in input || 'update' in input)
      return wraps ? searches(input, 'args') : searches(input, 'data')
    })
  })
}

function isNullness(value: unknown): boolean {
  return value === null || (isObject(value) && Object.values(value).every(isNullness))
}

function isObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
