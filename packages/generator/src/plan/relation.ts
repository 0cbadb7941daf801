import type { ReferentialAction, RelationPlan } from 'prisma-envelope/plan'
import type { Field, Model, Schema } from './dmmf.ts'

/** A relation field with its referential actions, Prisma's implicit ones resolved. */
export function relationPlan(schema: Schema, model: Model, field: Field): RelationPlan {
  const other = schema.datamodel.models.find((candidate) => candidate.name === field.type)
  const opposite = other?.fields.find(
    (candidate) => candidate.relationName === field.relationName && !(other === model && candidate.name === field.name),
  )
  const from = field.relationFromFields ?? []
  return {
    model: field.type,
    opposite: opposite?.name ?? '',
    ...(field.isList ? { list: true as const } : {}),
    from,
    to: field.relationToFields ?? [],
    ...(from.length === 0
      ? {}
      : { onDelete: onDelete(model, field), onUpdate: (field.relationOnUpdate ?? 'Cascade') as ReferentialAction }),
  }
}

/** Without `onDelete`, Prisma restricts as soon as one field of the foreign key is required. */
function onDelete(model: Model, { relationOnDelete, relationFromFields = [] }: Field): ReferentialAction {
  const required = model.fields.some(({ name, isRequired }) => isRequired && relationFromFields.includes(name))
  return (relationOnDelete ?? (required ? 'Restrict' : 'SetNull')) as ReferentialAction
}

/** Fields of the model that some relation references. */
export function referencedFields(schema: Schema, model: Model): ReadonlySet<string> {
  const fields = schema.datamodel.models.flatMap((other) => other.fields.filter((field) => field.type === model.name))
  return new Set(fields.flatMap((field) => field.relationToFields ?? []))
}

/** Relation fields of the model whose foreign key holds `field`. */
export function relationsThrough(model: Model, field: string): readonly Field[] {
  return model.fields.filter((relation) => relation.relationFromFields?.includes(field))
}
