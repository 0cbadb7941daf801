import { SHORTEST, TextFinder } from './text-finder.ts'

/** Decides whether a cell of the database holds one of the values that should be encrypted. */
export class CellScanner {
  readonly #long: TextFinder
  readonly #short: ReadonlySet<string>

  /** @param values the encrypted values as text. */
  constructor(values: Iterable<string>) {
    const distinct = [...new Set(values)]
    this.#long = new TextFinder(distinct.filter((value) => value.length >= SHORTEST))
    this.#short = new Set(distinct.filter((value) => value.length > 0 && value.length < SHORTEST))
  }

  /** The values that an ordinary cell shows: long ones anywhere in it, short ones if they are all of it. */
  inCell(cell: string): string[] {
    return this.#short.has(cell) ? [cell] : this.#long.find(cell)
  }

  /** The long values that an envelope shows: in its text, or in what its Base64 stands for, which hides nothing. */
  inEnvelope(envelope: string): string[] {
    const found = this.#long.find(envelope)
    for (const text of strings(JSON.parse(envelope))) {
      if (text.includes('\\') || text.includes('"')) found.push(...this.#long.find(text))
      found.push(...this.#long.find(Buffer.from(text, 'base64').toString('utf8')))
    }
    return [...new Set(found)]
  }
}

function* strings(json: unknown): Generator<string> {
  if (typeof json === 'string') yield json
  if (typeof json !== 'object' || json === null) return
  for (const [key, value] of Object.entries(json)) {
    yield key
    yield* strings(value)
  }
}
