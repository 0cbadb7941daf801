import { nearest } from './nearest.ts'
import { AnnotationError, type Token, tokenAt } from './tokens.ts'

/** A value as the annotation writes it. Numbers keep their text, so that no digit is lost. */
export type Value = { readonly offset: number } & (
  | { readonly kind: 'name' | 'string' | 'number'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly Value[] }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [key: string, value: Value])[] }
)

/** `name`, or `name: value`. */
export interface Option {
  readonly name: string
  readonly offset: number
  readonly value?: Value
}

export type AnnotationName = 'encrypted' | 'envelope' | 'envelopeKeys'

/** `@encrypted(…)`, `@envelope(…)` or `@envelopeKeys` as it stands in a comment. */
export interface RawAnnotation {
  readonly name: AnnotationName
  readonly offset: number
  readonly options: readonly Option[]
}

const NAMES: readonly AnnotationName[] = ['encrypted', 'envelope', 'envelopeKeys']

// An address such as ada@encrypted.org is none, and neither is what stands in quotes or backticks.
const CANDIDATE = /(?<![\w@`'"])@([A-Za-z][A-Za-z0-9_]*)/g

/**
 * All annotations in a comment, with other text around them.
 *
 * @throws AnnotationError for a slip inside an annotation, or a name that is nearly one of ours: a misspelt `@encrypted` would leave
 * plaintext in the database without a word.
 */
export function annotationsIn(comment: string): readonly RawAnnotation[] {
  const found: RawAnnotation[] = []
  let from = 0
  for (const candidate of comment.matchAll(CANDIDATE)) {
    const word = candidate[1] ?? ''
    if (candidate.index < from) continue
    const name = NAMES.find((known) => known === word)
    if (name === undefined) {
      const meant = nearest(word, NAMES) ?? (/^encr/i.test(word) ? 'encrypted' : undefined)
      if (meant === undefined) continue
      throw new AnnotationError(
        `@${word} is unknown; did you mean @${meant}? (put it in backticks if it is only text)`,
        candidate.index,
      )
    }
    const end = candidate.index + candidate[0].length
    const { options, end: after } = optionsAt(comment, end)
    found.push({ name, offset: candidate.index, options })
    from = after
  }
  return found
}

function optionsAt(comment: string, start: number): { options: readonly Option[]; end: number } {
  if (comment[start] !== '(') {
    if (/^[ \t]+\(/.test(comment.slice(start))) {
      throw new AnnotationError('options follow without a space; put other text on a line of its own', start)
    }
    return { options: [], end: start }
  }
  const options: Option[] = []
  let token = tokenAt(comment, start + 1)
  while (!is(token, ')')) {
    if (token.kind !== 'name') throw expected('the name of an option', token)
    const { text: name, offset } = token
    token = tokenAt(comment, token.end)
    if (is(token, ':')) {
      const { value, end } = valueAt(comment, token.end)
      options.push({ name, offset, value })
      token = tokenAt(comment, end)
    } else {
      options.push({ name, offset })
    }
    if (is(token, '('))
      throw new AnnotationError(`options stand side by side, as in @encrypted(${name}, scope: [tenantId])`, token.offset)
    token = separator(comment, token, ')')
  }
  return { options, end: token.end }
}

function valueAt(comment: string, start: number): { value: Value; end: number } {
  const first = tokenAt(comment, start)
  const { offset } = first
  if (first.kind === 'name' || first.kind === 'string' || first.kind === 'number') {
    return { value: { kind: first.kind, text: first.text, offset }, end: first.end }
  }
  if (is(first, '[')) {
    const items: Value[] = []
    let token = tokenAt(comment, first.end)
    while (!is(token, ']')) {
      const { value, end } = valueAt(comment, token.offset)
      items.push(value)
      token = separator(comment, tokenAt(comment, end), ']')
    }
    return { value: { kind: 'list', items, offset }, end: token.end }
  }
  if (is(first, '{')) {
    const entries: (readonly [string, Value])[] = []
    let token = tokenAt(comment, first.end)
    while (!is(token, '}')) {
      if (token.kind !== 'name' && token.kind !== 'string') throw expected('a key', token)
      const key = token.text
      if (entries.some(([known]) => known === key)) throw new AnnotationError(`the key ${key} appears twice`, token.offset)
      const colon = tokenAt(comment, token.end)
      if (!is(colon, ':')) throw expected('":"', colon)
      const { value, end } = valueAt(comment, colon.end)
      entries.push([key, value])
      token = separator(comment, tokenAt(comment, end), '}')
    }
    return { value: { kind: 'object', entries, offset }, end: token.end }
  }
  throw expected('a value', first)
}

/** The token after a comma, or the closing one. */
function separator(comment: string, token: Token, close: string): Token {
  if (is(token, close)) return token
  if (is(token, ',')) return tokenAt(comment, token.end)
  throw expected(`"," or "${close}"`, token)
}

function is(token: Token, text: string): boolean {
  return token.kind === 'punctuation' && token.text === text
}

function expected(what: string, token: Token): AnnotationError {
  const found = token.kind === 'end' ? token.text : `"${token.text}"`
  return new AnnotationError(`${what} is expected here, not ${found}`, token.offset)
}
