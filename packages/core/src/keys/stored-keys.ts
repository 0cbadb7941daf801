import { EnvelopeError } from '../errors.ts'
import { type LiveKey, liveKey } from './checked-key.ts'
import type { KeyHandle, KeyToUnwrap } from './contract.ts'
import type { EncryptionContext } from './key-provider.ts'
import type { StoredKey } from './key-store.ts'
import type { KnownKeys, StoreAccess } from './known-keys.ts'

/** What the store says of one request. */
interface ResolvedKey {
  /** In the words of the KMS; an error where the store lacks the key, or where it may not open this row. */
  readonly key: KeyToUnwrap | EnvelopeError
  /** Whether the store was not asked just now, so that another answer is possible. */
  readonly remembered: boolean
}

type Outcome = KeyHandle | EnvelopeError
type UnwrapAll = (requests: readonly KeyToUnwrap[]) => Promise<readonly Outcome[]>

/**
 * Opens keys of which some are named by their id in the key store.
 *
 * @param access to the store; undefined where there is none.
 * @param unwrapAll opens keys by their wrapped form; results stand in the place of their requests.
 * @throws what the store throws; then no handle stays held.
 */
export async function openThroughStore(
  requests: readonly KeyToUnwrap[],
  known: KnownKeys,
  access: StoreAccess | undefined,
  unwrapAll: UnwrapAll,
): Promise<readonly Outcome[]> {
  const resolved = await resolve(requests, known, access)
  const outcomes = [...(await unwrapResolved(resolved, unwrapAll))]
  // A key may have been wrapped by another KMS key since it was read.
  const again = outcomes.flatMap((outcome, place) => (resolved[place]?.remembered === true && isRefusal(outcome) ? [place] : []))
  if (again.length === 0) return outcomes
  try {
    const asked = again.map((place) => requests[place] as KeyToUnwrap)
    if (access !== undefined) for (const { stored = '' } of asked) known.forget(stored, access)
    const second = await unwrapResolved(await resolve(asked, known, access), unwrapAll)
    second.forEach((outcome, i) => {
      outcomes[again[i] as number] = outcome
    })
    return outcomes
  } catch (error) {
    for (const outcome of outcomes) if (!(outcome instanceof EnvelopeError)) outcome.release()
    throw error
  }
}

async function unwrapResolved(resolved: readonly ResolvedKey[], unwrapAll: UnwrapAll): Promise<readonly Outcome[]> {
  const unwrapped = await unwrapAll(resolved.flatMap(({ key }) => (key instanceof EnvelopeError ? [] : [key])))
  const next = unwrapped[Symbol.iterator]()
  return resolved.map(({ key }) => (key instanceof EnvelopeError ? key : (next.next().value as Outcome)))
}

/** Whether something is wrong with the key or the right to use it, rather than no answer. */
export function isRefusal(outcome: unknown): boolean {
  return outcome instanceof EnvelopeError && !['THROTTLED', 'UNAVAILABLE', 'TIMEOUT'].includes(outcome.code)
}

/** Turns requests that name stored keys into such as a KMS understands, by one query for all that are not known. Other requests stay as they are. */
async function resolve(
  requests: readonly KeyToUnwrap[],
  known: KnownKeys,
  access: StoreAccess | undefined,
): Promise<readonly ResolvedKey[]> {
  if (access === undefined) {
    return requests.map((request) => ({ key: request.stored === undefined ? request : noKeyStore(), remembered: false }))
  }
  const remembered = new Map<string, StoredKey>()
  const missing = new Set<string>()
  for (const { stored: id } of requests) {
    if (id === undefined || remembered.has(id)) continue
    const key = known.find(id, access)
    if (key === undefined) missing.add(id)
    else remembered.set(id, key)
  }
  const loaded = missing.size === 0 ? undefined : await known.load(missing, access)
  return requests.map((request) => {
    const { stored: id, context } = request
    if (id === undefined) return { key: request, remembered: false }
    const key = remembered.get(id) ?? loaded?.get(id)
    return { key: key === undefined ? unknownKey(id) : requestOf(key, context), remembered: remembered.has(id) }
  })
}

/** A request in the words of the KMS, where the store need not be asked. */
export function rememberedKey(request: KeyToUnwrap, known: KnownKeys, access: StoreAccess): KeyToUnwrap | undefined {
  if (request.stored === undefined) return request
  const key = known.find(request.stored, access)
  const resolved = key === undefined ? undefined : requestOf(key, request.context)
  return resolved instanceof EnvelopeError ? undefined : resolved
}

/** The request for a key that the store holds. */
export function asRequest({ kid, wrapped, kmsContext }: LiveKey): KeyToUnwrap {
  return { kid, wrapped, context: kmsContext }
}

function requestOf(stored: StoredKey, context: EncryptionContext): KeyToUnwrap | EnvelopeError {
  try {
    return asRequest(liveKey(stored, context))
  } catch (error) {
    if (error instanceof EnvelopeError) return error
    throw error
  }
}

function noKeyStore(): EnvelopeError {
  return new EnvelopeError(
    'CONFIG',
    'the envelope names a branch key of a key store: give `keyStore`, which the generated envelope module exports',
  )
}

function unknownKey(id: string): EnvelopeError {
  return new EnvelopeError(
    'CANNOT_OPEN',
    `the key store lacks the key ${id} that the envelope names: restore its row from a backup, or read this table where its key store is`,
  )
}
