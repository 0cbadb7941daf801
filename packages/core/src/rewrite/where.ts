import { alternativesFilter, ambiguousUniques, hasAlternatives, mayHoldValue } from './alternatives.ts'
import { comparisonsIn } from './comparisons.ts'
import { type Expectation, isSqlNull, type Level, PENDING, rewriteFilter } from './field-filter.ts'
import { emptyInput, type Input, isFieldReference, isInput, listOf, mapInputs } from './input.ts'
import type { Model, Relation } from './model.ts'
import { refuseReferences } from './refuse.ts'
import type { Rewriting } from './rewriting.ts'
import { searchToken, searchTokens } from './search.ts'
import { isToOneFilter } from './to-one-filter.ts'

/**
 * Rewrites a `where`, `WhereUniqueInput` or `cursor`: equality on searchable fields becomes equality of tokens; what an encrypted field can't
 * answer throws `UNSUPPORTED`.
 *
 * @param expectations receives the conditions that all rows found must meet, to be compared once the rows are open.
 */
export function rewriteWhere(model: Model, where: unknown, rewriting: Rewriting, expectations?: Expectation[]): unknown {
  if (!model.reachesSealing || namesPlainValues(model, where)) return where
  return mapInputs(where, (level) => rewriteLevel(level, { model, equalities: new Map(), rewriting, expectations }))
}

/** Values of plain columns alone, such as `{ id }`: nothing to rewrite or refuse, and most look-ups are of this kind. */
function namesPlainValues(model: Model, where: unknown): boolean {
  if (!isInput(where)) return false
  for (const key of Object.keys(where)) {
    const value = where[key]
    const column = Object.hasOwn(model.plan.columns, key) ? model.plan.columns[key] : undefined
    if (typeof value === 'object' || column === undefined || column.encrypted !== undefined || key === model.sealing?.field)
      return false
  }
  return true
}

/** Fields that the rows of a `where` must equal, with the values given; a null is a value here. */
export function equalitiesOf(model: Model, where: unknown, rewriting: Rewriting): Map<string, unknown> {
  const found = new Map<string, unknown>()
  if (!isInput(where)) return found
  for (const [key, value] of Object.entries(where)) {
    if (rewriting.isAbsent(value)) continue
    if (key === 'AND') {
      for (const part of Array.isArray(value) ? value : [value]) {
        for (const [name, given] of equalitiesOf(model, part, rewriting)) found.set(name, given)
      }
    } else if (model.compoundUniques.has(key) && isInput(value)) {
      for (const [name, given] of equalitiesOf(model, value, rewriting)) found.set(name, given)
    } else if (Object.hasOwn(model.plan.columns, key)) {
      const given = isInput(value) && !isFieldReference(value) ? value['equals'] : value
      if (!rewriting.isAbsent(given) && !isFieldReference(given) && !(isInput(value) && 'mode' in value)) found.set(key, given)
    }
  }
  return found
}

/**
 * {@link rewriteWhere} of a `WhereUniqueInput`, whose row was looked for before where a value has several forms (`unique-lookups.ts`). What
 * is still asked for by such a value was not found, and is asked for in the one form that this client writes.
 */
export function rewriteUniqueWhere(model: Model, where: unknown, rewriting: Rewriting, expectations?: Expectation[]): unknown {
  if (!isInput(where)) return rewriteWhere(model, where, rewriting, expectations)
  const { ambiguous, isAnchored } = uniqueKeysOf(model, where, rewriting)
  if (ambiguous.length === 0) return rewriteWhere(model, where, rewriting, expectations)
  const level: Level = { model, equalities: new Map(), rewriting, expectations }
  if (!isAnchored) return rewriteLevel(where, { ...level, lookedUp: new Set(ambiguous) })
  const kept = Object.entries(where).filter(([key]) => !ambiguous.includes(key))
  return rewriteLevel(withConditions(Object.fromEntries(kept), conditionsBy(model, where, ambiguous), rewriting), level)
}

/** {@link rewriteUniqueWhere} of a cursor, which takes nothing but keys. */
export function rewriteCursor(model: Model, cursor: unknown, rewriting: Rewriting): unknown {
  const ambiguous = isInput(cursor) ? uniqueKeysOf(model, cursor, rewriting).ambiguous : []
  if (!isInput(cursor) || ambiguous.length === 0) return rewriteWhere(model, cursor, rewriting)
  const level: Level = { model, equalities: new Map(), rewriting, expectations: undefined }
  const out = rewriteLevel(cursor, { ...level, lookedUp: new Set(ambiguous) })
  // In place: tokens are still to be written into it.
  if (!('AND' in cursor)) Reflect.deleteProperty(out, 'AND')
  return out
}

/** The criteria by which a `WhereUniqueInput` names its row: `ambiguous` ones, and whether there are others. */
export function uniqueKeysOf(
  model: Model,
  where: Input,
  rewriting: Rewriting,
): { readonly ambiguous: readonly string[]; readonly isAnchored: boolean } {
  const uniques = ambiguousUniques(model, rewriting).map(({ name }) => name)
  if (uniques.length === 0) return { ambiguous: [], isAnchored: true }
  const isValue = (value: unknown): boolean => !rewriting.isAbsent(value) && value !== null && !isInput(value)
  const given = model.plan.uniques.filter(({ name, fields }) => {
    const value = where[name]
    return fields.length === 1 ? isValue(value) : isInput(value) && fields.every((field) => isValue(value[field]))
  })
  const ambiguous = given.filter(({ name }) => uniques.includes(name)).map(({ name }) => name)
  return { ambiguous, isAnchored: ambiguous.length < given.length }
}

/** The criteria of a `WhereUniqueInput` as conditions that may stand below `AND`. */
export function conditionsBy(model: Model, where: Input, criteria: readonly string[]): readonly Input[] {
  return criteria.map((name) => (model.compoundUniques.has(name) ? (where[name] as Input) : { [name]: where[name] }))
}

/** Adds conditions to a level. */
function withConditions(where: Input, conditions: readonly Input[], rewriting: Rewriting): Input {
  if (conditions.length === 0) return where
  const and = rewriting.isAbsent(where['AND']) ? [] : listOf(where['AND'])
  return { ...where, AND: [...and, ...conditions] }
}

function rewriteLevel(where: Input, outer: Level): Input {
  const { model, rewriting, lookedUp, ...surrounding } = outer
  const own = model.sealing === undefined ? [] : equalitiesOf(model, where, rewriting)
  const level: Level = { ...surrounding, model, rewriting, equalities: new Map([...outer.equalities, ...own]) }
  const undecided: Level = { ...level, expectations: undefined }
  const out = emptyInput()
  const conditions: Input[] = []
  for (const [key, value] of Object.entries(where)) {
    const isLookedUp = lookedUp?.has(key) === true
    if (key === 'AND') {
      out[key] = mapInputs(value, (inner) => rewriteLevel(inner, level))
    } else if (key === 'OR' || key === 'NOT') {
      out[key] = mapInputs(value, (inner) => rewriteLevel(inner, undecided))
    } else if (model.compoundUniques.has(key) && isInput(value)) {
      const compound = emptyInput()
      for (const [name, part] of Object.entries(value)) {
        if (isLookedUp) conditions.push(...rewriteLookup(compound, name, part, level))
        else rewriteCondition(compound, name, part, level)
      }
      out[key] = compound
    } else if (isLookedUp) {
      conditions.push(...rewriteLookup(out, key, value, level))
    } else {
      const alternatives = rewriteAlternatives(key, value, level)
      if (alternatives === undefined) rewriteCondition(out, key, value, level)
      else conditions.push(...alternatives)
    }
  }
  // In place: tokens are still to be written into `out`.
  if (conditions.length > 0) out['AND'] = withConditions(out, conditions, rewriting)['AND']
  return out
}

/**
 * A value in the form that this client writes.
 *
 * @returns conditions that must hold beside.
 */
function rewriteLookup(out: Record<string, unknown>, key: string, value: unknown, level: Level): readonly Input[] {
  const { model, rewriting } = level
  const field = model.sealing?.byName.get(key)
  if (model.sealing === undefined || field?.mode !== 'plain' || isSqlNull(value, rewriting)) {
    rewriteCondition(out, key, value, level)
    return []
  }
  out[key] = value
  // For what it refuses.
  searchToken(model, field, value, level.equalities, rewriting, () => {})
  return [mayHoldValue(model.sealing, field, rewriting)]
}

/** Conditions on a field of which a value may stand in several forms; undefined for all others, and for what is said in another way. */
function rewriteAlternatives(key: string, value: unknown, level: Level): readonly Input[] | undefined {
  const { model, rewriting } = level
  const field = model.sealing?.byName.get(key)
  if (model.sealing === undefined || field === undefined || !hasAlternatives(field, rewriting)) return undefined
  const comparisons = rewriting.isAbsent(value) ? undefined : comparisonsIn(field, value, rewriting)
  if (comparisons === undefined) return undefined
  const { sealing } = model
  return comparisons.map(({ values, negated, insensitive, certain }) => {
    if (values === null) return { [field.name]: negated ? { not: null } : null }
    const tokens: unknown[] = values.map(() => PENDING)
    const known: string[] = []
    if (certain) level.expectations?.push({ field, tokens: known })
    values.forEach((item, i) => {
      if (item === null || item === undefined) {
        tokens[i] = item
        return
      }
      searchTokens(model, field, item, level.equalities, rewriting, ([current, ...others]) => {
        tokens[i] = current
        tokens.push(...others)
        known.push(...(current === undefined ? [] : [current]), ...others)
      })
    })
    return alternativesFilter(sealing, field, { tokens, plain: values, insensitive }, negated, rewriting)
  })
}

function rewriteCondition(out: Record<string, unknown>, key: string, value: unknown, level: Level): void {
  const { model, rewriting } = level
  out[key] = value
  const relation = model.relations.get(key)
  if (relation !== undefined) {
    out[key] = rewriteRelationFilter(relation, value, rewriting)
    return
  }
  if (rewriting.isAbsent(value)) return
  if (key === model.sealing?.field) {
    throw rewriting.error(
      'ENVELOPE_INPUT',
      'the envelope belongs to the extension; filter by the fields that it holds',
      model,
      key,
    )
  }
  const field = model.sealing?.byName.get(key)
  if (field === undefined) refuseReferences(model, value, rewriting)
  else rewriteFilter(out, field, value, level)
}

function rewriteRelationFilter(relation: Relation, value: unknown, rewriting: Rewriting): unknown {
  if (!relation.model.reachesSealing) return value
  const level: Level = { model: relation.model, equalities: new Map(), rewriting, expectations: undefined }
  const rewrite = (where: Input) => rewriteLevel(where, level)
  return mapInputs(value, (filter) => {
    if (relation.plan.list !== true && !isToOneFilter(relation.model, filter, rewriting)) return rewrite(filter)
    return Object.fromEntries(Object.entries(filter).map(([key, inner]) => [key, mapInputs(inner, rewrite)]))
  })
}
