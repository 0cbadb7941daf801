import { EnvelopeError } from './errors.ts'
import type { IndexKeyLines } from './keys/index-keys.ts'
import type { KeyProvider } from './keys/key-provider.ts'
import type { KmsOptions } from './keys/policy/kms-limits.ts'
import { type ModeOption, resolveModes } from './modes.ts'
import type { KeyStorePlan, ModelsPlan } from './plan.ts'
import type { OnAccess } from './rewrite/access.ts'
import type { OnForeignWrite } from './rewrite/foreign-writes.ts'
import type { ModeOf } from './rewrite/mode.ts'
import type { RawPolicy } from './rewrite/raw-sql.ts'
import type { UnreadablePolicy } from './rewrite/unreadable.ts'
import type { ContextOf, KeyOf } from './row-policy.ts'
import type { PrismaNamespace } from './values/contract.ts'

export interface EnvelopeOptions {
  /** The `Prisma` namespace of the generated client: its `Decimal`, `DbNull` and error classes are the application's own. */
  readonly Prisma: object
  /** `models` of the generated envelope module. */
  readonly models: ModelsPlan
  /** `current` seals new rows; `others` open rows too. */
  readonly keys: { readonly current: KeyProvider; readonly others?: readonly KeyProvider[] }
  /**
   * What {@link createIndexKey} returned. Required where a field is `searchable`. New tokens are made with `current`; those made with `others` are
   * found too.
   */
  readonly indexKey?: { readonly current: string; readonly others?: readonly string[] }
  /**
   * `strict` (default): every row must be sealed. `dual` seals what it writes and reads rows of both kinds; `plain` reads both and writes plaintext. One
   * for all fields, or by `Model` and `Model.field`, where the field's goes before the model's and what is not named is `strict`.
   */
  readonly mode?: ModeOption
  /** `keyStore` of the generated envelope module, where the schema has a model marked `@envelopeKeys`: it then holds the branch keys of new rows. */
  readonly keyStore?: KeyStorePlan | undefined
  /**
   * `stored` (default where there is a `keyStore`): rows name a branch key of the key store. `branch` (default otherwise): they carry it; one KMS call serves
   * many rows. `direct`: one KMS call for each row. Rows of all three are read alike.
   */
  readonly wrap?: 'stored' | 'branch' | 'direct'
  /**
   * Unwrapped keys in memory: at most `maxEntries` (1,000), for `maxAge` milliseconds (60,000) and `maxUses` uses (Infinity); beside them, as many DEKs
   * of rows that were read, none of which outlives the branch key that it was unwrapped with. With `refreshAhead` (true) a key that is used in the last
   * quarter of its age is unwrapped anew in the background. For `staleIfError` milliseconds (0) after its age a key may still open rows where the KMS
   * gives no answer (`UNAVAILABLE`, `TIMEOUT`, `THROTTLED`), never where it refuses.
   */
  readonly cache?: {
    readonly maxEntries?: number
    readonly maxAge?: number
    readonly maxUses?: number
    readonly refreshAhead?: boolean
    readonly staleIfError?: number
  }
  /**
   * A branch key that rows carry seals at most `maxRows` rows (10,000) in at most `maxAge` milliseconds (300,000). One of the key store gets a successor for new
   * rows after `rotateAfter` milliseconds (30 days), and once this process has sealed `maxWraps` rows under it (2^26).
   */
  readonly branch?: {
    readonly maxAge?: number
    readonly maxRows?: number
    readonly rotateAfter?: number
    readonly maxWraps?: number
  }
  /**
   * The encryption context of a row that is sealed, such as its tenant: branch keys serve one context each. A row that is read must be under it, or opening it
   * is refused with `CONTEXT_MISMATCH` before its key is asked for. Undefined is no context; of a list the first one seals, and rows may be under any; and
   * {@link anyContext} is for those who may see all.
   */
  readonly context?: ContextOf | undefined
  /** Names the KMS key of the keyring that a row is sealed under; undefined is the current one. */
  readonly key?: KeyOf | undefined
  /** The last key of `[keys.current, ...keys.others]` whose rows may be opened; rows under those that stand after it are refused with `KEY_RETIRED`. */
  readonly minimumKey?: string | undefined
  /** Milliseconds that one operation gives to its KMS calls (5,000). */
  readonly deadline?: number
  /** How often and for how long a call of the KMS is tried, how many there are at a time and in a second, and when a failing KMS is left alone. */
  readonly kms?: KmsOptions
  /** Raw SQL that names encrypted columns: `warn` (default) once for each text, `throw`, or `allow`. */
  readonly raw?: RawPolicy
  /**
   * Told of each column of a sealed row that something else than this extension wrote to, when a field in mode `plain` or `dual` is read or written; its value
   * is not among what it is told. By default the process warns once for each field. It must not throw: its errors become a warning.
   */
  readonly onForeignWrite?: OnForeignWrite
  /**
   * Told of each opening and sealing of a row, successful or not, also where no KMS was asked; without values. The same goes to the channel
   * `prisma-envelope:access` of `node:diagnostics_channel`. It must not throw: its errors become a warning.
   */
  readonly onAccess?: OnAccess
  /**
   * Rows of lists that do not open: `throw` (default) fails the whole list, `mark` gives the row an {@link UnreadableValue} in place of each encrypted
   * value. A single row, and one that was found by an encrypted value, always throws, and so does a KMS that can't be reached or denies access.
   */
  readonly onUnreadable?: 'throw' | 'mark'
  /**
   * Rows whose key was erased: `throw` (default) `ERASED`, or `skip`: lists leave them out, `findUnique`, `findFirst` and optional relations give null. Counts
   * know nothing of it.
   */
  readonly onErased?: 'throw' | 'skip'
}

const KNOWN = new Set<string>([
  'Prisma',
  'models',
  'keys',
  'indexKey',
  'keyStore',
  'mode',
  'wrap',
  'cache',
  'branch',
  'context',
  'key',
  'minimumKey',
  'deadline',
  'kms',
  'raw',
  'onForeignWrite',
  'onAccess',
  'onUnreadable',
  'onErased',
] satisfies (keyof EnvelopeOptions)[])

/** Options with their shape checked; the key layer checks its own part. */
export interface Config {
  readonly prisma: PrismaNamespace
  readonly models: ModelsPlan
  readonly keys: EnvelopeOptions['keys']
  readonly indexKey: IndexKeyLines | undefined
  readonly modeOf: ModeOf
  readonly wrap: 'stored' | 'branch' | 'direct'
  readonly keyStore: KeyStorePlan | undefined
  readonly cache: NonNullable<EnvelopeOptions['cache']>
  readonly branch: NonNullable<EnvelopeOptions['branch']>
  readonly context: ContextOf | undefined
  readonly key: KeyOf | undefined
  readonly minimumKey: string | undefined
  readonly deadline: number | undefined
  readonly kms: KmsOptions
  readonly raw: RawPolicy
  readonly onForeignWrite: OnForeignWrite | undefined
  readonly onAccess: OnAccess | undefined
  readonly unreadable: UnreadablePolicy
}

/**
 * Checks the options once, so that nothing further down has defaults.
 *
 * @throws EnvelopeError `CONFIG` for wrong or missing options, `UNSUPPORTED` for what this version does not do.
 */
export function resolveOptions(options: EnvelopeOptions): Config {
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) throw new EnvelopeError('CONFIG', `unknown option \`${name}\`; known are ${[...KNOWN].join(', ')}`)
  }
  const { models, keys, indexKey, keyStore, mode = 'strict', raw = 'warn' } = options
  const { wrap = keyStore === undefined ? 'branch' : 'stored' } = options
  if (!isRecord(models) || Object.keys(models).length === 0) {
    throw new EnvelopeError(
      'CONFIG',
      '`models` must be the export of this name of the generated envelope module; run `prisma generate`',
    )
  }
  if (!isRecord(keys) || !isRecord(keys.current)) {
    throw new EnvelopeError('CONFIG', '`keys.current` must be a key provider, such as `awsKms({ … })` returns')
  }
  if (wrap !== 'stored' && wrap !== 'branch' && wrap !== 'direct') {
    throw new EnvelopeError('CONFIG', "`wrap` must be 'stored', 'branch' or 'direct'")
  }
  if (keyStore !== undefined && !(isRecord(keyStore) && typeof keyStore.model === 'string')) {
    throw new EnvelopeError(
      'CONFIG',
      '`keyStore` must be the export of this name of the generated envelope module; mark a model with `@envelopeKeys` and run `prisma generate`',
    )
  }
  if (raw !== 'warn' && raw !== 'throw' && raw !== 'allow') {
    throw new EnvelopeError('CONFIG', "`raw` must be 'warn', 'throw' or 'allow'")
  }
  if (indexKey?.others !== undefined && !Array.isArray(indexKey.others)) {
    throw new EnvelopeError('CONFIG', '`indexKey.others` must be a list of what `createIndexKey(keys)` returned')
  }
  const { onUnreadable = 'throw', onErased = 'throw' } = options
  if (onUnreadable !== 'throw' && onUnreadable !== 'mark') {
    throw new EnvelopeError('CONFIG', "`onUnreadable` must be 'throw' or 'mark'")
  }
  if (onErased !== 'throw' && onErased !== 'skip') throw new EnvelopeError('CONFIG', "`onErased` must be 'throw' or 'skip'")
  const { context, key, onForeignWrite, onAccess } = options
  for (const [name, given] of Object.entries({ context, key, onForeignWrite, onAccess })) {
    if (given !== undefined && typeof given !== 'function') throw new EnvelopeError('CONFIG', `\`${name}\` must be a function`)
  }
  const searchable = firstSearchable(models)
  if (searchable !== undefined && indexKey === undefined) {
    throw new EnvelopeError(
      'CONFIG',
      `\`indexKey\` is missing, but ${searchable} is searchable: make one with \`createIndexKey(keys)\``,
    )
  }
  return Object.freeze({
    prisma: namespaceOf(options.Prisma),
    models,
    keys,
    indexKey: indexKey === undefined ? undefined : { current: indexKey.current, others: [...(indexKey.others ?? [])] },
    modeOf: resolveModes(mode, models),
    wrap,
    keyStore,
    cache: options.cache ?? {},
    branch: options.branch ?? {},
    context,
    key,
    minimumKey: options.minimumKey,
    deadline: options.deadline,
    kms: options.kms ?? {},
    raw,
    onForeignWrite,
    onAccess,
    unreadable: { marks: onUnreadable === 'mark', skipsErased: onErased === 'skip' },
  })
}

function namespaceOf(prisma: object): PrismaNamespace {
  const required = ['Decimal', 'DbNull', 'JsonNull', 'PrismaClientKnownRequestError', 'prismaVersion', 'defineExtension']
  const missing = required.filter((name) => !isRecord(prisma) || !(name in prisma))
  if (missing.length > 0) {
    throw new EnvelopeError(
      'CONFIG',
      '`Prisma` must be the namespace that the generated client exports: import { Prisma } from it',
    )
  }
  return prisma as PrismaNamespace
}

function firstSearchable(models: ModelsPlan): string | undefined {
  for (const [model, plan] of Object.entries(models)) {
    const field = Object.entries(plan.columns).find(([, column]) => column.encrypted?.search !== undefined)
    if (field !== undefined) return `${model}.${field[0]}`
  }
  return undefined
}

function isRecord(value: unknown): value is object {
  return (typeof value === 'object' || typeof value === 'function') && value !== null
}
