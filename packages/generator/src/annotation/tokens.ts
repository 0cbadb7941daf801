/** A slip in an annotation; `offset` counts UTF-16 units from the start of the comment. */
export class AnnotationError extends Error {
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.name = 'AnnotationError'
    this.offset = offset
  }

  /** The message with the line it is about and a caret below the place. */
  within(comment: string): string {
    const before = comment.slice(0, this.offset)
    const column = before.length - (before.lastIndexOf('\n') + 1)
    const line = comment.split('\n')[before.split('\n').length - 1] ?? ''
    return `${this.message}\n  /// ${line}\n      ${' '.repeat(column)}^`
  }
}

export type TokenKind = 'name' | 'string' | 'number' | 'punctuation' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** The value of a string, else the text as it stands. */
  readonly text: string
  readonly offset: number
  /** Where the next token may start. */
  readonly end: number
}

const SPACE = /[\s]*/y
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y
const NUMBER = /[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?/y
const STRING = /"(?:[^"\\\n]|\\.)*"/y
const PUNCTUATION = /[()[\]{},:]/y

/** Reads the token that starts at `offset` or after the white space there. */
export function tokenAt(comment: string, offset: number): Token {
  const start = offset + (match(SPACE, comment, offset)?.length ?? 0)
  if (start >= comment.length) return { kind: 'end', text: 'the end of the comment', offset: start, end: start }
  for (const [kind, pattern] of KINDS) {
    const text = match(pattern, comment, start)
    if (text === undefined) continue
    const end = start + text.length
    return { kind, text: kind === 'string' ? unquote(text, start) : text, offset: start, end }
  }
  const character = String.fromCodePoint(comment.codePointAt(start) ?? 0)
  if (character === '"') throw new AnnotationError('a string must be closed by " on the same line', start)
  if (character === "'") throw new AnnotationError('strings stand in double quotes', start)
  throw new AnnotationError(`${character} is not expected here`, start)
}

const KINDS: readonly (readonly [TokenKind, RegExp])[] = [
  ['name', NAME],
  ['number', NUMBER],
  ['string', STRING],
  ['punctuation', PUNCTUATION],
]

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

function unquote(text: string, offset: number): string {
  try {
    return String(JSON.parse(text))
  } catch {
    throw new AnnotationError('strings know the escapes of JSON: \\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX', offset)
  }
}
