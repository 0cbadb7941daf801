import { EnvelopeError } from '../errors.ts'
import { isInput } from './input.ts'
import type { Models } from './model.ts'

/** What happens to raw SQL that names an encrypted column. */
export type RawPolicy = 'throw' | 'warn' | 'allow'

/** Texts are often built at run time: beyond this many, a warning may come twice. */
const REMEMBERED_TEXTS = 1000

/**
 * Checks the text of raw queries for encrypted columns. Raw SQL reads placeholders and tokens, and could write plaintext. A text counts as naming
 * a column if both the table's and the column's name (or `*`) stand in it as identifiers: rather a warning too many than one too few. It is no
 * barrier: views, functions and whole-row references (`SELECT p FROM "Patient" p`) pass unseen.
 */
export class RawSqlCheck {
  readonly #policy: RawPolicy
  readonly #tables: readonly { readonly model: string; readonly table: string; readonly columns: readonly string[] }[]
  readonly #warned = new Set<string>()

  constructor(policy: RawPolicy, models: Models) {
    this.#policy = policy
    this.#tables = [...models.values()].flatMap(({ name, plan, sealing }) =>
      sealing === undefined
        ? []
        : [
            {
              model: name,
              table: plan.table.name,
              columns: [
                ...sealing.encrypted.map((field) => field.column.column),
                plan.columns[sealing.field]?.column ?? sealing.field,
              ],
            },
          ],
    )
  }

  /**
   * @param args of `$queryRaw`, `$executeRaw` or their `Unsafe` forms, as a query hook gets them.
   * @throws EnvelopeError `UNSUPPORTED` under the policy `throw`.
   */
  check(operation: string, args: unknown): void {
    if (this.#policy === 'allow') return
    const text = textOf(args)
    if (text === undefined || this.#warned.has(text)) return
    const found = this.#find(text)
    if (found === undefined) return
    const reason = `raw SQL names the encrypted column ${found.column}: it reads placeholders and tokens, and writes plaintext. Use \`$envelope.token\` and \`$envelope.reveal\`, and \`raw: 'allow'\` once it is right`
    const error = new EnvelopeError('UNSUPPORTED', reason, { model: found.model, operation })
    if (this.#policy === 'throw') throw error
    if (this.#warned.size < REMEMBERED_TEXTS) this.#warned.add(text)
    process.emitWarning(error.message, { type: 'PrismaEnvelopeWarning', code: 'PRISMA_ENVELOPE_RAW_SQL' })
  }

  #find(text: string): { model: string; column: string } | undefined {
    const words = wordsOf(text)
    const names = new Set(words)
    for (const { model, table, columns } of this.#tables) {
      const name = table.toLowerCase()
      if (!names.has(name)) continue
      if (names.has('*') || insertsWholeRows(words, name)) return { model, column: '*' }
      const column = columns.find((candidate) => names.has(candidate.toLowerCase()))
      if (column !== undefined) return { model, column }
    }
    return undefined
  }
}

/** Comments, string literals (with backslashes or without) and `(*)` of `count(*)`, which name nothing; then what does. */
const LEXEME =
  /--[^\n]*|\/\*[\s\S]*?\*\/|[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|\(\s*\*\s*\)|"((?:[^"]|"")+)"|([\p{L}_][\p{L}\p{N}_$]*|[*(])/gu

/** Words that PostgreSQL takes for names only in quotes, of those that tables and columns are called. */
const RESERVED: ReadonlySet<string> = new Set(
  'all case check column default end from group limit offset order references select table to user using when where window with'.split(
    ' ',
  ),
)

/** Identifiers of a statement in lower case, with reserved words in upper case, `*` and `(`, in their order. */
function wordsOf(text: string): readonly string[] {
  const words: string[] = []
  for (const [, quoted, bare] of text.matchAll(LEXEME)) {
    if (quoted !== undefined) words.push(quoted.replaceAll('""', '"').toLowerCase())
    else if (bare !== undefined) words.push(RESERVED.has(bare.toLowerCase()) ? bare.toUpperCase() : bare.toLowerCase())
  }
  return words
}

/** `INSERT INTO table` without a list of columns names all of them. */
function insertsWholeRows(words: readonly string[], table: string): boolean {
  return words.some((word, i) => {
    if (word !== 'into') return false
    // The table's own name may stand behind that of its schema.
    const at = words[i + 1] === table ? i + 1 : i + 2
    return words[at] === table && words[at + 1] !== '('
  })
}

function textOf(args: unknown): string | undefined {
  if (Array.isArray(args)) return typeof args[0] === 'string' ? args[0] : textOf(args[0])
  if (typeof args !== 'object' || args === null) return undefined
  if ('strings' in args && Array.isArray(args.strings)) return args.strings.join('?')
  if ('sql' in args && typeof args.sql === 'string') return args.sql
  return isInput(args) && typeof args['query'] === 'string' ? args['query'] : undefined
}
