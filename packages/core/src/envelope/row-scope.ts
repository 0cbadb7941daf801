import { rowContext } from '../keys/context.ts'
import type { EncryptionContext } from '../keys/key-provider.ts'
import { dekAad, recordAadPrefix } from './aad.ts'

/** What rows of one table, field set and context have in common. */
export interface RowScope {
  /** The context under which the KMS wraps their keys. */
  readonly kmsContext: EncryptionContext
  /** Tells contexts apart. */
  readonly contextId: string
  readonly dekAad: Buffer
  readonly recordAadPrefix: Buffer
}

export type RowScopes = (table: string, fs: string, ctx: EncryptionContext | undefined) => RowScope

/** Field sets and contexts of rows that are read come from the database: without a bound, a hostile one could fill the memory. */
const MEMO_ENTRIES = 1000
const NO_CONTEXT: EncryptionContext = {}

export function createRowScopes(): RowScopes {
  const memo = new Map<string, RowScope>()
  let last: { readonly table: string; readonly fs: string; readonly scope: RowScope } | undefined
  return (table, fs, ctx) => {
    // Rows of one table follow one another, most of them without a context.
    if (ctx === undefined && last?.fs === fs && last.table === table) return last.scope
    const scope = remembered(table, fs, ctx)
    if (ctx === undefined) last = { table, fs, scope }
    return scope
  }

  function remembered(table: string, fs: string, ctx: EncryptionContext | undefined): RowScope {
    const context = ctx === undefined ? '' : JSON.stringify(ctx)
    // Unambiguous: `fs` is always 8 characters, and the length says where the context ends.
    const key = `${fs}${context.length}:${context}${table}`
    const known = memo.get(key)
    if (known !== undefined) return known
    const kmsContext = rowContext(table, ctx)
    const scope = {
      kmsContext,
      contextId: JSON.stringify(kmsContext),
      dekAad: dekAad(table, ctx ?? NO_CONTEXT),
      recordAadPrefix: recordAadPrefix(table, fs, ctx ?? NO_CONTEXT),
    }
    if (memo.size >= MEMO_ENTRIES) memo.clear()
    memo.set(key, scope)
    return scope
  }
}
