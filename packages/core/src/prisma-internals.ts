import type { Input } from './rewrite/input.ts'
import type { EnvelopeSettings } from './settings.ts'

/**
 * The one place where Prisma's untyped internals are narrowed. What stands here is not public API of Prisma; the integration tests run it on
 * every supported version.
 */

/** A transaction as Prisma hands it to its own requests; opaque but for its kind. */
export interface PrismaTransaction {
  readonly kind: 'itx' | 'batch'
  /** A string for interactive transactions. */
  readonly id: string | number
}

const SETTINGS: unique symbol = Symbol('prisma-envelope.settings')

/** `__internalParams` of a query hook. */
export interface InternalParams {
  readonly dataPath: readonly string[]
  readonly transaction: PrismaTransaction | undefined
  readonly jsModelName: string | undefined
  /** Of the client that was called; travels with the call through all query hooks. */
  readonly [SETTINGS]?: EnvelopeSettings
}

/** What `query.$allOperations` is called with. `model` is absent for raw queries. */
export interface HookParams {
  readonly model?: string | undefined
  readonly operation: string
  readonly args: unknown
  readonly query: (args: unknown, internal?: unknown) => Promise<unknown>
}

interface PrismaPromise extends Promise<unknown> {
  requestTransaction(transaction: PrismaTransaction): Promise<unknown>
}

/** The client that `$extends` hands to an extension. */
export interface ParentClient {
  $extends(extension: Record<string, unknown>): unknown
}

/** What an interactive transaction's callback gets. */
interface TransactionClient {
  _createPrismaPromise(callback: (transaction: PrismaTransaction) => Promise<PrismaTransaction>): Promise<PrismaTransaction>
}

/** A client without any extension. */
export interface RootClient {
  $transaction<T>(
    work: (client: TransactionClient) => Promise<T>,
    options: { maxWait: number; timeout: number; isolationLevel?: 'ReadCommitted' },
  ): Promise<T>
  $executeRawUnsafe(sql: string, ...values: readonly unknown[]): PrismaPromise
  $queryRawUnsafe(sql: string, ...values: readonly unknown[]): PrismaPromise
}

export function internalsOf(params: HookParams): InternalParams {
  const internal = '__internalParams' in params ? params.__internalParams : undefined
  if (typeof internal !== 'object' || internal === null || !('dataPath' in internal)) {
    throw new TypeError('this version of Prisma Client calls query extensions in a way that prisma-envelope does not know')
  }
  return internal as InternalParams
}

/** The settings of the client that the operation was called on; undefined where it has none. */
export function settingsIn(internal: InternalParams): EnvelopeSettings | undefined {
  return internal[SETTINGS]
}

type Request = (this: unknown, params: object) => unknown

/**
 * The same client, whose operations carry settings wherever they go: through extensions that are applied later, batches and interactive transactions. They
 * are a part of the call, and so neither lost nor lent to others by whoever awaits it.
 *
 * @param components what `client` of an extension takes
 */
export function carrying(
  client: ParentClient,
  settings: EnvelopeSettings,
  components: Readonly<Record<string, unknown>>,
): object {
  const derived = client.$extends({ name: 'prisma-envelope-settings', client: components }) as object
  const request = Reflect.get(derived, '_request') as Request
  const carry: Request = function (params) {
    // What a client that was derived from this one has given stays.
    return request.call(this, { [SETTINGS]: settings, ...params })
  }
  // Clients that are extended further inherit from the original one, and from nothing else.
  const original: object = new Proxy(Reflect.get(derived, '_originalClient') as object, {
    get(target, key, receiver) {
      if (key === '_request') return carry
      return key === '_originalClient' ? original : (Reflect.get(target, key, receiver) as unknown)
    },
  })
  Object.defineProperty(derived, '_originalClient', { value: original })
  Object.defineProperty(derived, '_request', { value: carry })
  return derived
}

/** A client of an interactive transaction can't connect. */
export function isInTransaction(client: unknown): boolean {
  return typeof client === 'object' && client !== null && Reflect.get(client, '$connect') === undefined
}

/** Runs the hooked operation whole, even where the fluent API wants a part of its result. */
export function queryWhole(params: HookParams, internal: InternalParams, args: Input): Promise<unknown> {
  // Prisma writes `args` into what it is given here: a copy keeps a second call possible.
  return params.query(args, { ...internal, dataPath: [] })
}

/** The part of a result that the fluent API asked for. */
export function partOf(result: unknown, dataPath: readonly string[]): unknown {
  let part = result
  // The path alternates `select` or `include` with the name of a relation.
  for (let i = 1; i < dataPath.length; i += 2) {
    const name = dataPath[i]
    if (typeof part !== 'object' || part === null || name === undefined) return null
    part = (part as Record<string, unknown>)[name]
  }
  return part ?? null
}

/** Runs another operation on the hooked one's model in its stead, through the extensions that were applied later. */
export function queryInstead(
  params: HookParams,
  internal: InternalParams,
  operation: string,
  args: Input,
  transaction: PrismaTransaction | undefined,
): Promise<unknown> {
  const clientMethod = `${internal.jsModelName}.${operation}`
  return params.query(args, { ...internal, action: operation, clientMethod, dataPath: [], transaction })
}

/**
 * The client that all extensions of `client` were applied to. Statements that nobody but this extension knows of pass by the others: a read replica
 * would answer them with an older row, a soft delete would hide rows from them, a log would show them twice.
 */
export function rootOf(client: ParentClient): RootClient {
  const { _appliedParent: root } = Reflect.get(client, '_originalClient') as { readonly _appliedParent: RootClient }
  return root
}

/** Where Prisma looks for tables without `@@schema`: what the driver adapter was told, else `public`. */
export function schemaOf(root: RootClient): string {
  const { adapter } = (Reflect.get(root, '_engineConfig') ?? {}) as { adapter?: { options?: { schema?: unknown } } }
  const schema = adapter?.options?.schema
  return typeof schema === 'string' ? schema : 'public'
}

/** Runs an operation on any model, past all extensions. */
export function runPast(
  root: RootClient,
  model: string,
  operation: string,
  args: Input,
  transaction: PrismaTransaction | undefined,
): Promise<unknown> {
  const delegate: unknown = Reflect.get(root, model.charAt(0).toLowerCase() + model.slice(1))
  const promise = (delegate as Record<string, (args: Input) => PrismaPromise>)[operation]?.(args)
  if (promise === undefined) throw new TypeError(`this version of Prisma Client has no ${operation} on ${model}`)
  return inTransaction(promise, transaction)
}

/**
 * An error of a statement beside an operation, as the operation itself would have met it: Prisma names the model whose operation was called, unless the
 * database has told it the table.
 */
export function asErrorOf(model: string, error: unknown): unknown {
  const { meta } = error as { meta?: { modelName?: unknown; driverAdapterError?: { cause?: { table?: unknown } } } }
  if (meta?.modelName !== undefined && meta.driverAdapterError?.cause?.table === undefined) meta.modelName = model
  return error
}

/** Runs a statement, past all extensions. */
export function executePast(
  root: RootClient,
  sql: string,
  values: readonly unknown[],
  transaction: PrismaTransaction | undefined,
): Promise<unknown> {
  return inTransaction(root.$executeRawUnsafe(sql, ...values), transaction)
}

/** Runs a query, past all extensions and beside all transactions. */
export async function queryPast(
  root: RootClient,
  sql: string,
  values: readonly unknown[],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return (await root.$queryRawUnsafe(sql, ...values)) as readonly Readonly<Record<string, unknown>>[]
}

function inTransaction(promise: PrismaPromise, transaction: PrismaTransaction | undefined): Promise<unknown> {
  return transaction === undefined ? promise : promise.requestTransaction(transaction)
}

/** Longer than any operation takes: Prisma sets no limit either to the transactions that it opens for nested writes. */
const UNLIMITED_MS = 2 ** 31 - 1

/**
 * Opens a transaction, past all extensions.
 *
 * @param isolationLevel the database's default where it is absent
 */
export function openTransaction<T>(
  root: RootClient,
  isolationLevel: 'ReadCommitted' | undefined,
  work: (transaction: PrismaTransaction) => Promise<T>,
): Promise<T> {
  return root.$transaction(
    async (client) => work(await client._createPrismaPromise((transaction) => Promise.resolve(transaction))),
    { maxWait: UNLIMITED_MS, timeout: UNLIMITED_MS, ...(isolationLevel !== undefined && { isolationLevel }) },
  )
}

/** Fields that the client's global `omit` hides, by the client's name of each model. */
export function globallyOmitted(client: ParentClient): Readonly<Record<string, Readonly<Record<string, boolean>>>> {
  const omitted: unknown = Reflect.get(client, '_globalOmit')
  return typeof omitted === 'object' && omitted !== null ? (omitted as Record<string, Record<string, boolean>>) : {}
}
