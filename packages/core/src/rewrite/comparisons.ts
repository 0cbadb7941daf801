import { type Input, isFieldReference, isInput } from './input.ts'
import type { EncryptedField } from './model.ts'
import type { Rewriting } from './rewriting.ts'

/** What a filter says of a searchable field: its value is among `values`, or, `negated`, it is another one; null stands for NULL. */
export interface Comparison {
  readonly values: readonly unknown[] | null
  readonly negated: boolean
  readonly insensitive: boolean
  /** Whether every row found has one of the values. */
  readonly certain: boolean
}

/**
 * The comparisons in a filter, all of which must hold; as Prisma has it, `not` of a filter turns each of them around.
 *
 * @returns undefined where something else is asked, which one form of a value answers, or refuses, as well as several.
 */
export function comparisonsIn(field: EncryptedField, filter: unknown, rewriting: Rewriting): readonly Comparison[] | undefined {
  if (field.column.list === true) return undefined
  if (!isInput(filter)) return comparison(filter, false, false, rewriting)
  const { mode } = filter
  const normalizes = field.search?.normalize.includes('lowercase') === true
  if (!rewriting.isAbsent(mode) && mode !== 'default' && !(mode === 'insensitive' && normalizes)) return undefined
  return comparisonsOf(filter, false, mode === 'insensitive', rewriting)
}

function comparisonsOf(
  filter: Input,
  isTurned: boolean,
  insensitive: boolean,
  rewriting: Rewriting,
): readonly Comparison[] | undefined {
  const found: Comparison[] = []
  for (const [key, value] of Object.entries(filter)) {
    if (key === 'mode' || rewriting.isAbsent(value)) continue
    const parts = partsOf(key, value, isTurned, insensitive, rewriting)
    if (parts === undefined) return undefined
    found.push(...parts)
  }
  // A filter that says nothing is Prisma's to judge.
  return found.length === 0 ? undefined : found
}

function partsOf(
  key: string,
  value: unknown,
  isTurned: boolean,
  insensitive: boolean,
  rewriting: Rewriting,
): readonly Comparison[] | undefined {
  switch (key) {
    case 'equals':
      return isInput(value) ? undefined : comparison(value, isTurned, insensitive, rewriting)
    case 'not':
      return isInput(value)
        ? comparisonsOf(value, !isTurned, insensitive, rewriting)
        : comparison(value, !isTurned, insensitive, rewriting)
    case 'in':
    case 'notIn':
      if (value === null) return comparison(value, (key === 'notIn') !== isTurned, insensitive, rewriting)
      return Array.isArray(value) ? [listed(value, (key === 'notIn') !== isTurned, insensitive)] : undefined
    default:
      return undefined
  }
}

function comparison(
  value: unknown,
  negated: boolean,
  insensitive: boolean,
  { tools }: Rewriting,
): readonly Comparison[] | undefined {
  if (isFieldReference(value) || Array.isArray(value)) return undefined
  if (value === null || value === tools.prisma.DbNull) return [{ values: null, negated, insensitive, certain: false }]
  return [listed([value], negated, insensitive)]
}

function listed(values: readonly unknown[], negated: boolean, insensitive: boolean): Comparison {
  return { values, negated, insensitive, certain: !negated }
}
