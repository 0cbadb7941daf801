/** Texts shorter than this are not searched for inside others: they occur by chance. */
export const SHORTEST = 6

const BASE = 0x01000193
const FILTER_BITS = 22

/**
 * Finds which of many texts occur anywhere in another one (Rabin–Karp over the first 6 characters of each, with a filter before the map).
 * It misses nothing and finds nothing that is not there: the hash only says where to look.
 */
export class TextFinder {
  readonly #filter = new Uint8Array(2 ** FILTER_BITS)
  readonly #byStart = new Map<string, string[]>()
  /** BASE to the power of SHORTEST: takes a character out of the hash when it leaves the window. */
  readonly #leaving = Array.from({ length: SHORTEST }).reduce<number>((power) => Math.imul(power, BASE), 1)

  /** @param texts of at least {@link SHORTEST} characters each. */
  constructor(texts: Iterable<string>) {
    for (const text of new Set(texts)) {
      if (text.length < SHORTEST) throw new RangeError(`a text of fewer than ${SHORTEST} characters`)
      const start = text.slice(0, SHORTEST)
      let hash = 0
      for (let at = 0; at < SHORTEST; at += 1) hash = Math.imul(hash, BASE) + start.charCodeAt(at)
      this.#filter[slot(hash)] = 1
      const others = this.#byStart.get(start)
      if (others === undefined) this.#byStart.set(start, [text])
      else others.push(text)
    }
  }

  /** Those of the texts that occur in `haystack`, each once. */
  find(haystack: string): string[] {
    const found = new Set<string>()
    let hash = 0
    for (let end = 0; end < haystack.length; end += 1) {
      const from = end - SHORTEST + 1
      hash = (Math.imul(hash, BASE) + haystack.charCodeAt(end)) | 0
      if (from > 0) hash = (hash - Math.imul(haystack.charCodeAt(from - 1), this.#leaving)) | 0
      if (from < 0 || this.#filter[slot(hash)] === 0) continue
      for (const text of this.#byStart.get(haystack.slice(from, end + 1)) ?? []) {
        if (haystack.startsWith(text, from)) found.add(text)
      }
    }
    return [...found]
  }
}

function slot(hash: number): number {
  return Math.imul(hash, 0x9e3779b1) >>> (32 - FILTER_BITS)
}
