import type { ColumnPlan, EncryptionPlan, EnvelopePlan, ModelPlan, ModelsPlan, TablePlan, UniquePlan } from 'prisma-envelope/plan'
import { type AnnotatedModel, annotatedModels, reportStrayAnnotations } from '../annotation/annotated-model.ts'
import type { EncryptedAnnotation } from '../annotation/annotation.ts'
import { AnnotationError } from '../annotation/tokens.ts'
import type { Report } from '../problems.ts'
import { boundFields } from '../rules/bind.ts'
import { checkIndexes, checkRole, checkType } from '../rules/encrypted-field.ts'
import { checkEnvelope } from '../rules/envelope.ts'
import { checkIdentities } from '../rules/identity.ts'
import { checkSharedIndexes, searchPlan } from '../rules/search.ts'
import { columnPlan } from './column.ts'
import { bytewise, type Field, type Model, primaryKeyOf, type Schema } from './dmmf.ts'
import { defaultPlaceholder, placeholderOf } from './placeholder.ts'
import { relationPlan } from './relation.ts'

/** The plan of a schema, models in bytewise order. Sound only if nothing was refused in the report. */
export function buildPlan(schema: Schema, report: Report): ModelsPlan {
  reportStrayAnnotations(schema, report)
  const plans = annotatedModels(schema, report).map((model) => [model.model.name, modelPlan(schema, model, report)] as const)
  const models = Object.fromEntries(plans.sort(([a], [b]) => bytewise(a, b)))
  checkIdentities(models, report)
  checkSharedIndexes(models, report)
  return models
}

function modelPlan(schema: Schema, annotated: AnnotatedModel, report: Report): ModelPlan {
  const { model } = annotated
  const scalars = model.fields.filter(({ kind }) => kind === 'scalar' || kind === 'enum')
  const plain = Object.fromEntries(scalars.map((field) => [field.name, columnPlan(schema, model, field)]))
  const envelopeField = checkEnvelope(annotated, report)
  const annotation = envelopeField && annotated.envelopes.get(envelopeField)
  const table = tablePlan(model, annotation?.as)
  const bind = envelopeField && annotation ? boundFields(schema, annotated, plain, annotation, envelopeField.name, report) : []
  return {
    table,
    columns: encryptedColumns(schema, annotated, table, plain, bind, report),
    relations: Object.fromEntries(
      model.fields.filter(({ kind }) => kind === 'object').map((field) => [field.name, relationPlan(schema, model, field)]),
    ),
    primaryKey: primaryKeyOf(model),
    uniques: uniques(model),
    ...(envelopeField === undefined ? {} : { envelope: envelopePlan(envelopeField, bind) }),
  }
}

export function tablePlan({ name, dbName, schema }: Model, as: string | undefined): TablePlan {
  const table = dbName ?? name
  return schema === null ? { name: table, identity: as ?? table } : { schema, name: table, identity: as ?? `${schema}.${table}` }
}

function envelopePlan(field: Field, bind: readonly string[]): EnvelopePlan {
  return { field: field.name, column: field.dbName ?? field.name, bind }
}

function encryptedColumns(
  schema: Schema,
  annotated: AnnotatedModel,
  table: TablePlan,
  columns: Readonly<Record<string, ColumnPlan>>,
  bind: readonly string[],
  report: Report,
): Readonly<Record<string, ColumnPlan>> {
  const encrypted: Record<string, ColumnPlan> = { ...columns }
  for (const [field, annotation] of annotated.encrypted) {
    checkRole(schema, annotated, field, report)
    const column = columns[field.name]
    if (column === undefined) continue
    checkType(annotated, field, annotation, column, report)
    if (!annotation.searchable) checkIndexes(schema, annotated, field, report)
    const place = {
      model: annotated.model.name,
      field: field.name,
      table: table.identity,
      identity: annotation.as ?? column.column,
    }
    const plan: EncryptionPlan = {
      identity: place.identity,
      placeholder: placeholder(field, annotation, column, place, report),
      ...(annotation.searchable ? { search: searchPlan(place, annotation, columns, bind, report) } : {}),
    }
    encrypted[field.name] = { ...column, encrypted: plan }
  }
  return encrypted
}

function placeholder(
  field: Field,
  { placeholder: literal }: EncryptedAnnotation,
  column: ColumnPlan,
  place: { model: string; field: string },
  report: Report,
): EncryptionPlan['placeholder'] {
  if (literal === undefined) return defaultPlaceholder(column)
  const result = placeholderOf(column, literal)
  if ('value' in result) return result.value
  report.refuse(place, new AnnotationError(result.misfit, literal.offset).within(field.documentation ?? ''))
  return defaultPlaceholder(column)
}

function uniques(model: Model): readonly UniquePlan[] {
  const key = primaryKeyOf(model)
  const criteria: UniquePlan[] = []
  if (key.length > 0) criteria.push(unique(key, model.primaryKey?.name))
  for (const field of model.fields) if (field.isUnique) criteria.push(unique([field.name], undefined))
  for (const index of model.uniqueIndexes) criteria.push(unique(index.fields, index.name))
  return criteria.filter(({ name }, at) => criteria.findIndex((other) => other.name === name) === at)
}

function unique(fields: readonly string[], name: string | null | undefined): UniquePlan {
  // Prisma ignores the name of a criterion of one field.
  return { name: fields.length === 1 || !name ? fields.join('_') : name, fields }
}
