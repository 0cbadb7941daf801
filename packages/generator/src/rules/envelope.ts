import type { AnnotatedModel } from '../annotation/annotated-model.ts'
import type { Field } from '../plan/dmmf.ts'
import type { Report } from '../problems.ts'

/** The model's one envelope, where all is well with it. */
export function checkEnvelope({ model, view, encrypted, envelopes }: AnnotatedModel, report: Report): Field | undefined {
  const [envelope, ...others] = envelopes.keys()
  const place = { model: model.name }
  for (const other of others) {
    report.refuse(
      { ...place, field: other.name },
      `a model has one envelope, and ${envelope?.name} is it already; remove this one`,
    )
  }
  if (envelope === undefined) {
    if (encrypted.size > 0) {
      report.refuse(place, 'a model with encrypted fields needs a column for them; add:\n/// @envelope\nenvelope Json?')
    }
    return undefined
  }
  const refuse = (message: string) => report.refuse({ ...place, field: envelope.name }, message)
  if (view) refuse('a view is not written by Prisma; annotate the table')
  else if (encrypted.size === 0) refuse('no field of the model is @encrypted; annotate one, or remove @envelope')
  if (envelope.type !== 'Json' || envelope.isList || envelope.isRequired) {
    refuse(`the envelope must be ${envelope.name} Json?, optional because rows that are not yet encrypted have none`)
  } else if (envelope.nativeType?.[0] === 'Json') {
    refuse("@db.Json can't be compared, and updates compare the envelope; use jsonb: remove @db.Json")
  }
  if (envelope.hasDefaultValue) refuse('the extension writes every envelope; remove @default')
  return envelope
}
