import type { ColumnPlan } from 'prisma-envelope/plan'
import type { AnnotatedModel } from '../annotation/annotated-model.ts'
import type { EncryptedAnnotation } from '../annotation/annotation.ts'
import { hasFunctionDefault } from '../plan/column.ts'
import { type Field, primaryKeyOf, type Schema } from '../plan/dmmf.ts'
import { unfitForEncryption, unfitForTokens } from '../plan/native-type.ts'
import { referencedFields, relationsThrough } from '../plan/relation.ts'
import type { Report } from '../problems.ts'

/** Whether the role of a field in its model lets it be encrypted at all; `kind: 'object'` fields are relations. */
export function checkRole(schema: Schema, { model, view }: AnnotatedModel, field: Field, report: Report): void {
  const refuse = (message: string) => report.refuse({ model: model.name, field: field.name }, message)
  if (field.kind === 'object') return refuse('a relation has no column; annotate the fields of the other model')
  if (view) refuse('a field of a view is not written by Prisma; annotate the field of the table, and read it from there')
  if (primaryKeyOf(model).includes(field.name))
    refuse('an id identifies the row and is not encrypted; use another id, such as @default(uuid())')
  for (const relation of relationsThrough(model, field.name)) {
    refuse(
      `the foreign key of ${relation.name} must equal the other row's value, so it is not encrypted; reference an id that says nothing`,
    )
  }
  if (referencedFields(schema, model).has(field.name))
    refuse('a relation references this field, so it is not encrypted; reference the id instead')
  if (field.isUpdatedAt) refuse('Prisma writes @updatedAt itself, past the extension; remove one of the two')
  if (hasFunctionDefault(field))
    refuse('a default that calls a function is applied past the extension; set the value in the application, or use a literal')
}

/** Whether the column's type can stand for the encrypted values, and be searched. */
export function checkType(
  { model }: AnnotatedModel,
  field: Field,
  annotation: EncryptedAnnotation,
  column: ColumnPlan,
  report: Report,
): void {
  const place = { model: model.name, field: field.name }
  const unfit = unfitForEncryption(column)
  if (unfit !== undefined) return report.refuse(place, unfit)
  if (annotation.searchable) {
    const reason = unfitForTokens(column, annotation.normalize.includes('lowercase'))
    if (reason !== undefined) report.refuse(place, reason)
  }
  if (field.hasDefaultValue && !hasFunctionDefault(field) && column.default?.kind !== 'literal') {
    report.refuse(
      place,
      "the literal default can't be kept exactly (dates go to the millisecond); shorten it, or set the value in the application",
    )
  }
}

/** Equal placeholders collide in a unique index, and say nothing in any other. */
export function checkIndexes(schema: Schema, { model }: AnnotatedModel, field: Field, report: Report): void {
  const place = { model: model.name, field: field.name }
  const remedy = field.type === 'String' && !field.isList ? 'add searchable, so that it holds tokens' : 'remove it from there'
  for (const index of schema.datamodel.indexes) {
    if (index.model !== model.name || !index.fields.some(({ name }) => name === field.name)) continue
    const attribute = `${index.isDefinedOnField ? '@' : '@@'}${index.type === 'normal' ? 'index' : index.type}`
    if (index.type === 'unique')
      report.refuse(place, `all rows hold the same placeholder, which would collide in ${attribute}; ${remedy}`)
    else if (index.type !== 'id')
      report.notice(place, `all rows hold the same placeholder, so ${attribute} is of no use; ${remedy}`)
  }
}
