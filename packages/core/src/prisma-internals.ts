import type { Input } from './rewrite/input.ts'

/**
 * The one place where Prisma's untyped internals are narrowed. What stands here is not public API of Prisma; the integration tests run it on
 * every supported version.
 */

/** A transaction as Prisma hands it to its own requests; opaque but for its kind. */
export interface PrismaTransaction {
  readonly kind: 'itx' | 'batch'
}

/** `__internalParams` of a query hook. */
interface InternalParams {
  readonly dataPath: readonly string[]
  readonly transaction: PrismaTransaction | undefined
  readonly jsModelName: string | undefined
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

export function internalsOf(params: HookParams): InternalParams {
  const internal = '__internalParams' in params ? params.__internalParams : undefined
  if (typeof internal !== 'object' || internal === null || !('dataPath' in internal)) {
    throw new TypeError('this version of Prisma Client calls query extensions in a way that prisma-envelope does not know')
  }
  return internal as InternalParams
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

/** Runs another operation on the hooked one's model and in its transaction, past this extension. */
export function runBeside(
  client: ParentClient,
  internal: InternalParams,
  operation: 'findUnique' | 'updateMany',
  args: Input,
): Promise<unknown> {
  const delegate: unknown = internal.jsModelName === undefined ? undefined : Reflect.get(client, internal.jsModelName)
  const promise = (delegate as Record<typeof operation, (args: Input) => PrismaPromise>)[operation](args)
  return internal.transaction === undefined ? promise : promise.requestTransaction(internal.transaction)
}

/** Fields that the client's global `omit` hides, by the client's name of each model. */
export function globallyOmitted(client: ParentClient): Readonly<Record<string, Readonly<Record<string, boolean>>>> {
  const omitted: unknown = Reflect.get(client, '_globalOmit')
  return typeof omitted === 'object' && omitted !== null ? (omitted as Record<string, Record<string, boolean>>) : {}
}
