import { type Input, isInput } from './input.ts'
import type { Model } from './model.ts'
import type { Rewriting } from './rewriting.ts'

/**
 * Whether a condition on a to-one relation is `{ is, isNot }`, as against the shorthand. A model may have fields of these names; Prisma then takes what
 * can be meant.
 *
 * @throws EnvelopeError `UNSUPPORTED` where either can.
 */
export function isToOneFilter(model: Model, value: Input, rewriting: Rewriting): boolean {
  const keys = Object.keys(value)
  const hasField = (name: string) => Object.hasOwn(model.plan.columns, name) || model.relations.has(name)
  if (keys.length === 0 || !keys.every((key) => key === 'is' || key === 'isNot')) return false
  const asField = keys.filter(hasField).flatMap((key) => (isInput(value[key]) ? [{ key, filter: value[key] }] : []))
  if (asField.length === 0) return !keys.some(hasField)
  for (const { key, filter } of asField) {
    const ambiguous = model.relations.has(key) || Object.keys(filter).some((name) => OPERATORS.has(name) && hasField(name))
    if (!ambiguous) continue
    const reason = `the field \`${key}\` and the filter \`${key}\` can't be told apart here: put the condition into \`AND\` below \`is\``
    throw rewriting.error('UNSUPPORTED', reason, model, key)
  }
  return asField.some(({ filter }) => Object.keys(filter).some((name) => !OPERATORS.has(name)))
}

/** Filters of plain columns. */
const OPERATORS: ReadonlySet<string> = new Set([
  'equals',
  'in',
  'notIn',
  'lt',
  'lte',
  'gt',
  'gte',
  'contains',
  'startsWith',
  'endsWith',
  'search',
  'mode',
  'not',
  'has',
  'hasEvery',
  'hasSome',
  'isEmpty',
  'path',
  'string_contains',
  'string_starts_with',
  'string_ends_with',
  'array_contains',
  'array_starts_with',
  'array_ends_with',
])
