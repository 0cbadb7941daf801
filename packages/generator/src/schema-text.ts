/**
 * What DMMF does not tell of a schema: which models are views, literal defaults digit by digit, and comments that Prisma attaches to
 * nothing (of ignored and `Unsupported` fields, say). Prisma's grammar is line based: a block opens and closes on lines of its own, a
 * field with all its attributes stands on one.
 */
export interface Block {
  /** `model`, `view`, `enum`, `type`, `generator` or `datasource`. */
  readonly kind: string
  readonly name: string
  readonly comments: Comments
  readonly members: readonly Member[]
}

export interface Member {
  /** Name of the field or the value; `@@…` attributes and comments that nothing follows have none. */
  readonly name: string | undefined
  /** The line without comments. */
  readonly source: string
  readonly comments: Comments
}

export interface Comments {
  /** `///` and block comments, as Prisma joins them. */
  readonly documentation: string
  /** `//` comments, which Prisma drops. */
  readonly remarks: string
}

/** Reads the blocks of a schema that Prisma has found valid. */
export function blocksOf(schema: string): readonly Block[] {
  const blocks: Block[] = []
  let comments = gather()
  let members: Member[] | undefined
  for (const line of linesOf(schema)) {
    comments.take(line)
    if (line.source === '') continue
    if (members === undefined) {
      const [, kind, name] = /^(\w+)\s+(\w+)\s*\{$/.exec(line.source) ?? []
      if (kind === undefined || name === undefined) continue
      members = []
      blocks.push({ kind, name, comments: comments.all(), members })
    } else if (line.source === '}') {
      if (!comments.empty()) members.push({ name: undefined, source: '', comments: comments.all() })
      members = undefined
    } else {
      members.push({ name: /^\w+/.exec(line.source)?.[0], source: line.source, comments: comments.all() })
    }
    comments = gather()
  }
  return blocks
}

/** The number literals in a field's `@default(…)`, digit by digit; empty where there is none. */
export function numbersOfDefault(source: string): readonly string[] {
  const strings = /"(?:[^"\\]|\\.)*"/g
  const argument = /@default\(([^)]*)\)/.exec(source.replaceAll(strings, '""'))?.[1] ?? ''
  return argument.match(/-?\d+(?:\.\d+)?/g) ?? []
}

interface Line {
  readonly source: string
  readonly documentation: readonly string[]
  readonly remarks: readonly string[]
}

const PIECE = /"(?:[^"\\\n]|\\.)*"|\/\/\/[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/|\n|[^"/\n]+|[^\n]/g

function linesOf(schema: string): readonly Line[] {
  const lines: Line[] = []
  let source = ''
  let documentation: string[] = []
  let remarks: string[] = []
  const flush = () => {
    lines.push({ source: source.trim(), documentation, remarks })
    source = ''
    documentation = []
    remarks = []
  }
  for (const [piece] of schema.replaceAll('\r\n', '\n').matchAll(PIECE)) {
    if (piece === '\n') flush()
    else if (piece.startsWith('///')) documentation.push(piece.slice(3).trim())
    else if (piece.startsWith('//')) remarks.push(piece.slice(2).trim())
    else if (piece.startsWith('/*')) documentation.push(piece.slice(2, -2).trim())
    else source += piece
  }
  flush()
  return lines
}

function gather(): { take(line: Line): void; all(): Comments; empty(): boolean } {
  const documentation: string[] = []
  const remarks: string[] = []
  return {
    take: (line) => {
      documentation.push(...line.documentation)
      remarks.push(...line.remarks)
    },
    all: () => ({ documentation: documentation.join('\n'), remarks: remarks.join('\n') }),
    empty: () => documentation.length === 0 && remarks.length === 0,
  }
}
