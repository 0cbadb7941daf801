import type { ColumnPlan } from 'prisma-envelope/plan'
import type { AnnotatedModel } from '../annotation/annotated-model.ts'
import type { EnvelopeAnnotation } from '../annotation/annotation.ts'
import { nearest } from '../annotation/nearest.ts'
import type { Schema } from '../plan/dmmf.ts'
import { bytewise, columnOf, fieldOf, type Model, primaryKeyOf } from '../plan/dmmf.ts'
import { unknownForm } from '../plan/native-type.ts'
import { relationPlan, relationsThrough } from '../plan/relation.ts'
import type { Report } from '../problems.ts'

type Columns = Readonly<Record<string, ColumnPlan>>

/** The fields to which every row of the model is bound: the primary key where it can be, and what `bind` names. */
export function boundFields(
  schema: Schema,
  annotated: AnnotatedModel,
  columns: Columns,
  annotation: EnvelopeAnnotation,
  envelope: string,
  report: Report,
): readonly string[] {
  const { model } = annotated
  const refuse = (message: string) => report.refuse({ model: model.name, field: envelope }, message)
  const named = annotation.bind.filter((name) => {
    const reason = unbindable(annotated, name, columns)
    if (reason !== undefined) refuse(`bind: ${name} ${reason}`)
    return reason === undefined
  })
  const key = primaryKeyOf(model)
  const obstacle = keyObstacle(model, key, columns)
  if (obstacle !== undefined) {
    const bound =
      named.length === 0
        ? 'nothing, so that an envelope copied to another row of the table opens there'
        : `${named.join(', ')} alone`
    report.notice({ model: model.name }, `${obstacle}: its rows are bound to ${bound}; see bind: […] and @default(uuid())`)
  }
  const fields = [...new Set([...(obstacle === undefined ? key : []), ...named])]
  for (const name of fields) {
    const change = silentChange(schema, model, name)
    if (change !== undefined) refuse(`${name} is bound, and ${change}, or do not bind it`)
  }
  return fields.sort((a, b) => bytewise(columnOf(model, a), columnOf(model, b)))
}

function unbindable({ model, encrypted }: AnnotatedModel, name: string, columns: Columns): string | undefined {
  const field = fieldOf(model, name)
  const column = columns[name]
  if (field === undefined) {
    const meant = nearest(name, Object.keys(columns))
    return `is no field of ${model.name}${meant === undefined ? '' : `; did you mean ${meant}?`}`
  }
  if (column === undefined)
    return `is a relation; name the fields of its foreign key${field.relationFromFields?.length ? `: ${field.relationFromFields.join(', ')}` : ''}`
  if (encrypted.has(field)) return 'is encrypted, and the sealed record holds it anyway; remove it'
  if (field.isUpdatedAt) return 'is @updatedAt, which changes at every write; remove it'
  const form = unknownForm(column)
  if (form !== undefined) return `can't be bound, as it can't be known in which form PostgreSQL returns ${form}; remove it`
  if (column.default?.kind === 'database')
    return 'has a default that only the database knows, so its value is unknown before the insert; remove it'
  return undefined
}

/** Why rows can't be bound to the primary key; all of its fields or none. */
function keyObstacle(model: Model, key: readonly string[], columns: Columns): string | undefined {
  if (key.length === 0) return 'the model has no primary key'
  for (const name of key) {
    const column = columns[name]
    if (column?.default?.kind === 'database')
      return `the primary key's ${name} is made by the database and unknown before the insert`
    const form = column === undefined ? 'this type' : unknownForm(column)
    if (form !== undefined) return `the primary key's ${name} has a type whose returned form is unknown (${form})`
    if (fieldOf(model, name)?.isUpdatedAt) return `the primary key's ${name} is @updatedAt`
  }
  return undefined
}

/**
 * How a bound column could change without the client's seeing it: by a referential action, here or on a column that it is a copy of, or by Prisma Client,
 * which sets an optional foreign key of a one-to-one relation to NULL when another row is attached in its place.
 */
function silentChange(schema: Schema, model: Model, name: string, seen: ReadonlySet<string> = new Set()): string | undefined {
  const at = `${model.name}.${name}`
  if (seen.has(at)) return undefined
  for (const relation of relationsThrough(model, name)) {
    const plan = relationPlan(schema, model, relation)
    const through = seen.size === 0 ? relation.name : `${model.name}.${relation.name}`
    for (const [when, action, stated] of [
      ['onDelete', plan.onDelete, relation.relationOnDelete],
      ['onUpdate', plan.onUpdate, relation.relationOnUpdate],
    ] as const) {
      if (action !== 'SetNull' && action !== 'SetDefault') continue
      const which = stated === undefined ? ' (the default of an optional relation)' : ''
      return `${when}: ${action}${which} of ${through} would change it unseen; set onDelete and onUpdate to Cascade, Restrict or NoAction`
    }
    const other = schema.datamodel.models.find((candidate) => candidate.name === plan.model)
    const opposite = other === undefined ? undefined : fieldOf(other, plan.opposite)
    if (fieldOf(model, name)?.isRequired === false && opposite?.isList === false)
      return `attaching another row to the one-to-one relation ${through} would set it to NULL unseen; make ${at} required`
    const referenced = plan.to[plan.from.indexOf(name)]
    const further =
      other === undefined || referenced === undefined
        ? undefined
        : silentChange(schema, other, referenced, new Set([...seen, at]))
    if (further !== undefined) return further
  }
  return undefined
}
