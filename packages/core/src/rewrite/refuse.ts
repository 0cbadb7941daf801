import { hasAlternatives } from './alternatives.ts'
import { isFieldReference, isInput, listOf } from './input.ts'
import type { Model } from './model.ts'
import type { Rewriting } from './rewriting.ts'

/**
 * Throws where an encrypted column would be ordered by: placeholders and tokens have an order that means nothing.
 *
 * @throws EnvelopeError `UNSUPPORTED`
 */
export function refuseOrder(model: Model, orderBy: unknown, rewriting: Rewriting): void {
  if (!model.reachesSealing) return
  for (const order of listOf(orderBy)) {
    if (!isInput(order)) continue
    for (const [key, value] of Object.entries(order)) {
      if (rewriting.isAbsent(value)) continue
      const relation = model.relations.get(key)
      if (relation !== undefined) refuseOrder(relation.model, value, rewriting)
      else if (key === '_relevance' && isInput(value)) refuseFields(model, value['fields'], '`_relevance`', rewriting)
      else if (key.startsWith('_') && isInput(value)) refuseFields(model, Object.keys(value), `\`orderBy.${key}\``, rewriting)
      else refuseFields(model, key, '`orderBy`', rewriting)
    }
  }
}

/**
 * `distinct` on a searchable field compares tokens, which are equal where values are equal under its `normalize`, and its scope is; other encrypted
 * columns all hold the same placeholder.
 *
 * @throws EnvelopeError `UNSUPPORTED`, `ENVELOPE_INPUT`
 */
export function refuseDistinct(model: Model, distinct: unknown, rewriting: Rewriting): void {
  refuseEquality(model, distinct, 'distinct', rewriting)
}

function refuseEquality(model: Model, fields: unknown, argument: 'distinct' | 'by', rewriting: Rewriting): void {
  const names = listOf(fields)
  for (const name of names) {
    const search = typeof name === 'string' ? model.sealing?.byName.get(name)?.search : undefined
    if (typeof name !== 'string' || search === undefined) {
      refuseFields(model, name, `\`${argument}\``, rewriting)
    } else {
      refuseForms(model, name, argument, rewriting)
      const missing = search.scope.find((scope) => !names.includes(scope))
      if (missing === undefined) continue
      throw rewriting.error(
        'UNSUPPORTED',
        `its tokens are scoped by ${missing}: name ${missing} in \`${argument}\` too`,
        model,
        name,
      )
    }
  }
}

/** Equal values in different forms would be told apart. */
function refuseForms(model: Model, name: string, argument: string, rewriting: Rewriting): void {
  const field = model.sealing?.byName.get(name)
  if (field === undefined || !hasAlternatives(field, rewriting)) return
  const reason =
    field.mode === 'strict'
      ? 'until `prisma-envelope-cli rotate --reindex` is done and the old index key is gone from `indexKey.others`'
      : 'until the field is `strict`'
  throw rewriting.error(
    'UNSUPPORTED',
    `its equal values stand in several forms, which \`${argument}\` would tell apart, ${reason}: group after reading`,
    model,
    name,
  )
}

/** Throws where `names` (one, or a list) holds an encrypted field or the envelope. `what` names the argument. */
export function refuseFields(model: Model, names: unknown, what: string, rewriting: Rewriting): void {
  for (const name of listOf(names)) {
    if (typeof name !== 'string' || model.sealing === undefined) continue
    if (name === model.sealing.field) throw rewriting.error('ENVELOPE_INPUT', `the envelope can't stand in ${what}`, model, name)
    if (model.sealing.byName.has(name)) {
      throw rewriting.error('UNSUPPORTED', `ciphertext can't answer ${what}: sort, group or compute after reading`, model, name)
    }
  }
}

/** Throws where a condition on a plain column compares with an encrypted one: a reference always names a column of the model that is filtered. */
export function refuseReferences(model: Model, condition: unknown, rewriting: Rewriting): void {
  if (isFieldReference(condition)) {
    refuseFields(model, condition.name, 'a comparison with another column', rewriting)
  } else if (Array.isArray(condition) || isInput(condition)) {
    for (const part of Object.values(condition)) refuseReferences(model, part, rewriting)
  }
}

const AGGREGATES = ['_min', '_max', '_avg', '_sum'] as const

/** `_count` is right on encrypted columns, as nullness is kept; the rest of `aggregate` and `groupBy` is not. */
export function refuseAggregates(model: Model, args: Readonly<Record<string, unknown>>, rewriting: Rewriting): void {
  for (const aggregate of AGGREGATES) {
    const fields = args[aggregate]
    if (isInput(fields)) refuseFields(model, chosen(fields, rewriting), `\`${aggregate}\``, rewriting)
  }
  refuseEquality(model, args['by'], 'by', rewriting)
  refuseHaving(model, args['having'], rewriting)
}

function refuseHaving(model: Model, having: unknown, rewriting: Rewriting): void {
  for (const part of listOf(having)) {
    if (!isInput(part)) continue
    for (const [key, value] of Object.entries(part)) {
      if (key === 'AND' || key === 'OR' || key === 'NOT') refuseHaving(model, value, rewriting)
      else if (!rewriting.isAbsent(value)) {
        refuseFields(model, key, '`having`', rewriting)
        refuseReferences(model, value, rewriting)
      }
    }
  }
}

function chosen(fields: Readonly<Record<string, unknown>>, rewriting: Rewriting): string[] {
  return Object.keys(fields).filter((name) => !rewriting.isAbsent(fields[name]) && fields[name] !== false)
}
