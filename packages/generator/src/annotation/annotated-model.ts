import { type Field, isView, type Model, type Schema } from '../plan/dmmf.ts'
import type { Report } from '../problems.ts'
import {
  type Annotation,
  type EncryptedAnnotation,
  type EnvelopeAnnotation,
  marksKeyStore,
  readAnnotation,
} from './annotation.ts'
import { type AnnotationName, annotationsIn } from './syntax.ts'
import { AnnotationError } from './tokens.ts'

/** A model with what its comments ask for. */
export interface AnnotatedModel {
  readonly model: Model
  readonly view: boolean
  readonly encrypted: ReadonlyMap<Field, EncryptedAnnotation>
  readonly envelopes: ReadonlyMap<Field, EnvelopeAnnotation>
}

/** Reads the annotations of all models; slips inside them are reported. */
export function annotatedModels(schema: Schema, report: Report): readonly AnnotatedModel[] {
  return schema.datamodel.models.map((model) => {
    const encrypted = new Map<Field, EncryptedAnnotation>()
    const envelopes = new Map<Field, EnvelopeAnnotation>()
    for (const field of model.fields) {
      const annotation = annotationOf(model, field, report)
      if (annotation?.kind === 'encrypted') encrypted.set(field, annotation)
      if (annotation?.kind === 'envelope') envelopes.set(field, annotation)
    }
    return { model, view: isView(schema, model), encrypted, envelopes }
  })
}

function annotationOf(model: Model, field: Field, report: Report): Annotation | undefined {
  const comment = field.documentation ?? ''
  try {
    return readAnnotation(comment)
  } catch (error) {
    if (!(error instanceof AnnotationError)) throw error
    report.refuse({ model: model.name, field: field.name }, error.within(comment))
    return undefined
  }
}

/** The models marked `@envelopeKeys`; slips in the comments above models are reported. */
export function keyStoreModels(schema: Schema, report: Report): readonly Model[] {
  return schema.datamodel.models.filter((model) => {
    const comment = model.documentation ?? ''
    try {
      return marksKeyStore(comment)
    } catch (error) {
      if (!(error instanceof AnnotationError)) throw error
      report.refuse({ model: model.name }, error.within(comment))
      return false
    }
  })
}

/**
 * Reports annotations that reach no field: those of ignored and `Unsupported` fields, above a whole model or an enum, before a `@@` attribute,
 * and those that Prisma loses over a blank line. Without a word, their columns would stay in plaintext.
 */
export function reportStrayAnnotations(schema: Schema, report: Report): void {
  for (const block of schema.blocks) {
    const model = schema.datamodel.models.find(({ name }) => name === block.name)
    const { documentation } = block.comments
    if (count(documentation, ['envelopeKeys']) > count(model?.documentation ?? '', ['envelopeKeys'])) {
      report.refuse({ model: block.name }, block.kind === 'model' && model !== undefined ? LOST_MODEL : MISPLACED)
    }
    if (count(documentation, ['encrypted', 'envelope']) > 0) {
      report.refuse(
        { model: block.name },
        'an annotation belongs to a field; put it directly above that (or in backticks, if it is only text)',
      )
    }
    for (const { name, source, comments } of block.members) {
      const place = { model: block.name, field: name }
      if (count(comments.remarks) > 0) {
        report.notice(
          place,
          'a comment of two slashes mentions an annotation and has no effect; annotations need three: /// @encrypted',
        )
      }
      const field = model?.fields.find((candidate) => candidate.name === name)
      if (count(comments.documentation) <= count(field?.documentation ?? '')) continue
      report.refuse(place, field === undefined ? strayReason(block.kind, source, name) : LOST)
    }
  }
}

function strayReason(kind: string, source: string, name: string | undefined): string {
  if (kind !== 'model' && kind !== 'view') return `an annotation belongs to a field of a model, not into the ${kind}; remove it`
  if (name === undefined) return 'an annotation stands above no field; put it directly above the field that it is for'
  if (/\bUnsupported\s*\(/.test(source))
    return "Prisma Client does not know fields of Unsupported types, so they can't be encrypted; remove the annotation or change the type"
  return "Prisma Client does not know ignored fields and models, so they can't be encrypted; remove the annotation or the @ignore"
}

const LOST_MODEL = 'Prisma loses @envelopeKeys over a blank line; put it directly above the model'
const MISPLACED = '@envelopeKeys marks the model that holds the branch keys, one that Prisma Client knows; move it there'
const LOST = 'Prisma loses this annotation over a blank line; put it directly above the field'

/** Annotations in a comment; one with a slip counts as any of them, and is reported where it is read. */
function count(comment: string, names?: readonly AnnotationName[]): number {
  try {
    return annotationsIn(comment).filter(({ name }) => names === undefined || names.includes(name)).length
  } catch {
    return 1
  }
}
