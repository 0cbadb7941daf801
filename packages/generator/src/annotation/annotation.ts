import type { Normalization } from 'prisma-envelope/plan'
import { suggestion } from './nearest.ts'
import { annotationsIn, type Option, type RawAnnotation, type Value } from './syntax.ts'
import { AnnotationError } from './tokens.ts'

export interface EncryptedAnnotation {
  readonly kind: 'encrypted'
  readonly searchable: boolean
  readonly normalize: readonly Normalization[]
  readonly index?: string
  /** Field names. */
  readonly scope: readonly string[]
  readonly placeholder?: Value
  readonly as?: string
}

export interface EnvelopeAnnotation {
  readonly kind: 'envelope'
  /** Field names. */
  readonly bind: readonly string[]
  readonly as?: string
}

export type Annotation = EncryptedAnnotation | EnvelopeAnnotation

const NORMALIZATIONS: readonly Normalization[] = ['trim', 'lowercase', 'nfc', 'nfkc']
const ENCRYPTED_OPTIONS = ['searchable', 'normalize', 'index', 'scope', 'placeholder', 'as']
const ENVELOPE_OPTIONS = ['bind', 'as']

/**
 * The annotation of a field, from Prisma's `documentation` of it.
 *
 * @throws AnnotationError with the place in the comment.
 */
export function readAnnotation(comment: string): Annotation | undefined {
  const [annotation, second] = annotationsIn(comment)
  if (annotation === undefined) return undefined
  const misplaced = [annotation, second].find((found) => found?.name === 'envelopeKeys')
  if (misplaced !== undefined)
    throw new AnnotationError('@envelopeKeys marks a whole model; put it above the line that opens the model', misplaced.offset)
  if (second !== undefined) {
    const message =
      second.name === annotation.name
        ? `@${second.name} appears twice; keep one`
        : 'a field is either @encrypted or the @envelope; keep one'
    throw new AnnotationError(message, second.offset)
  }
  return annotation.name === 'encrypted' ? encrypted(annotation) : envelope(annotation)
}

/**
 * Whether a model is marked `@envelopeKeys`, from Prisma's `documentation` of it.
 *
 * @throws AnnotationError with the place in the comment.
 */
export function marksKeyStore(comment: string): boolean {
  const [annotation, second] = annotationsIn(comment).filter(({ name }) => name === 'envelopeKeys')
  if (annotation === undefined) return false
  const [option] = annotation.options
  if (option !== undefined) throw new AnnotationError('@envelopeKeys takes no options', option.offset)
  if (second !== undefined) throw new AnnotationError('@envelopeKeys appears twice; keep one', second.offset)
  return true
}

function encrypted(annotation: RawAnnotation): EncryptedAnnotation {
  const options = named(annotation, ENCRYPTED_OPTIONS)
  const flag = options.get('searchable')
  const searchable = flag !== undefined && isTrue(flag)
  for (const name of ['normalize', 'index', 'scope']) {
    const option = options.get(name)
    if (option !== undefined && !searchable) {
      throw new AnnotationError(`${name} is for searchable fields; write @encrypted(searchable, ${name}: …)`, option.offset)
    }
  }
  const placeholder = options.get('placeholder')
  if (placeholder !== undefined && searchable) {
    throw new AnnotationError('a searchable field holds tokens, never its placeholder; remove one of the two', placeholder.offset)
  }
  const index = options.get('index')
  const as = options.get('as')
  return {
    kind: 'encrypted',
    searchable,
    normalize: normalizations(options.get('normalize')),
    scope: names(options.get('scope')),
    ...(index === undefined ? {} : { index: name(index) }),
    ...(placeholder === undefined ? {} : { placeholder: given(placeholder) }),
    ...(as === undefined ? {} : { as: name(as) }),
  }
}

function envelope(annotation: RawAnnotation): EnvelopeAnnotation {
  const options = named(annotation, ENVELOPE_OPTIONS)
  const as = options.get('as')
  return { kind: 'envelope', bind: names(options.get('bind')), ...(as === undefined ? {} : { as: name(as) }) }
}

function named(annotation: RawAnnotation, known: readonly string[]): ReadonlyMap<string, Option> {
  const options = new Map<string, Option>()
  for (const option of annotation.options) {
    if (!known.includes(option.name)) {
      throw new AnnotationError(
        `unknown option "${option.name}" of @${annotation.name}${suggestion(option.name, known)}`,
        option.offset,
      )
    }
    if (options.has(option.name)) throw new AnnotationError(`"${option.name}" appears twice; keep one`, option.offset)
    options.set(option.name, option)
  }
  return options
}

function isTrue(option: Option): boolean {
  if (option.value === undefined) return true
  if (option.value.kind === 'name' && (option.value.text === 'true' || option.value.text === 'false'))
    return option.value.text === 'true'
  throw new AnnotationError('searchable takes no value', option.value.offset)
}

function given(option: Option): Value {
  if (option.value === undefined) throw new AnnotationError(`"${option.name}" needs a value: ${option.name}: …`, option.offset)
  return option.value
}

function name(option: Option): string {
  return nameOf(given(option))
}

function nameOf(value: Value): string {
  if (value.kind !== 'name' && value.kind !== 'string') throw new AnnotationError('a name is expected here', value.offset)
  if (!/^[^\p{Cc}\p{Cs}]{1,255}$/u.test(value.text)) {
    throw new AnnotationError('a name has 1 to 255 characters, no control characters among them', value.offset)
  }
  return value.text
}

function names(option: Option | undefined): readonly string[] {
  return option === undefined ? [] : listed(option).map(nameOf).map(onlyOnce(option))
}

function normalizations(option: Option | undefined): readonly Normalization[] {
  if (option === undefined) return []
  const steps = listed(option).map((value) => {
    const text = nameOf(value)
    const step = NORMALIZATIONS.find((known) => known === text)
    if (step === undefined) {
      throw new AnnotationError(`unknown normalization "${text}"${suggestion(text, NORMALIZATIONS)}`, value.offset)
    }
    return step
  })
  return steps.map(onlyOnce(option))
}

function listed(option: Option): readonly Value[] {
  const value = given(option)
  if (value.kind !== 'list') throw new AnnotationError(`"${option.name}" takes a list: ${option.name}: […]`, value.offset)
  return value.items
}

function onlyOnce<Item>(option: Option): (item: Item, at: number, items: readonly Item[]) => Item {
  return (item, at, items) => {
    if (items.indexOf(item) !== at) throw new AnnotationError(`"${option.name}" names ${String(item)} twice`, option.offset)
    return item
  }
}
