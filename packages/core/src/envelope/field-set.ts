import { createHash } from 'node:crypto'
import type { FieldSetId } from './contract.ts'
import { lp } from './length-prefix.ts'

/** The fields of a record, ready to be written. */
export interface FieldSet {
  readonly id: string
  /** Sorted bytewise by UTF-8, which for characters beyond the BMP is not the order of JavaScript's `sort`. */
  readonly identities: readonly string[]
  /** `"identity":` of each, as JSON. */
  readonly prefixes: readonly string[]
}

const LABEL = 'prisma-envelope:v1:fields'
const ID_BYTES = 6

/** An application has about as many field sets as models; the bound only keeps a strange caller from growing the memo for ever. */
const MEMO_ENTRIES = 1000
const memo = new Map<string, FieldSet>()

/** Rows of one model follow one another. */
let last: { readonly identities: readonly string[]; readonly set: FieldSet } | undefined

/** The field set of these identities, in any order. */
export function fieldSet(identities: readonly string[]): FieldSet {
  if (last === undefined || !sameList(last.identities, identities))
    last = { identities: [...identities], set: remembered(identities) }
  return last.set
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i])
}

function remembered(identities: readonly string[]): FieldSet {
  const key = JSON.stringify(identities)
  const known = memo.get(key)
  if (known !== undefined) return known
  const computed = compute(identities)
  if (memo.size >= MEMO_ENTRIES) memo.clear()
  memo.set(key, computed)
  return computed
}

/** Id of the set of fields of a record: 8 characters of base64url (`docs/format.md`, "Field set"). */
export const fieldSetId: FieldSetId = (identities) => fieldSet(identities).id

function compute(identities: readonly string[]): FieldSet {
  const sorted = identities
    .map((identity) => ({ identity, bytes: Buffer.from(identity) }))
    .sort((a, b) => a.bytes.compare(b.bytes))
    .map(({ identity }) => identity)
  const hash = createHash('sha256').update(lp(LABEL))
  for (const identity of sorted) hash.update(lp(identity))
  return {
    id: hash.digest().subarray(0, ID_BYTES).toString('base64url'),
    identities: sorted,
    prefixes: sorted.map((identity) => `${JSON.stringify(identity)}:`),
  }
}
