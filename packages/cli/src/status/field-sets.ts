import { fieldSetId } from 'prisma-envelope/rows'
import type { Field } from '../rows/table.ts'

/** Up to so many fields, every subset is computed: 1,024 of them. */
const ALL_SUBSETS_OF = 10
/** Up to so many fields, those are computed that lack two. */
const PAIRS_OF = 40

/**
 * Field sets that envelopes of a model may name, by their ids: an id is a hash, so each has to be guessed. Of models with many fields, the likely ones:
 * all fields, all but one or two, as where those were annotated later, and single ones.
 */
export function knownFieldSets(fields: readonly Field[]): ReadonlyMap<string, readonly Field[]> {
  const sets = new Map<string, readonly Field[]>()
  const add = (set: readonly Field[]): void => {
    if (set.length > 0) sets.set(fieldSetId(set.map(({ identity }) => identity)), set)
  }
  add(fields)
  if (fields.length <= ALL_SUBSETS_OF) {
    for (let bits = 1; bits < 2 ** fields.length; bits++) add(fields.filter((_, i) => (bits >> i) % 2 === 1))
    return sets
  }
  for (const field of fields) {
    add([field])
    add(fields.filter((other) => other !== field))
  }
  if (fields.length <= PAIRS_OF) {
    for (const [i, first] of fields.entries())
      for (const second of fields.slice(i + 1)) add(fields.filter((field) => field !== first && field !== second))
  }
  return sets
}
