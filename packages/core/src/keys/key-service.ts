import { EnvelopeError } from '../errors.ts'
import { BranchKeys, branchLimits } from './branch-keys.ts'
import { cacheLimits } from './cache-limits.ts'
import type { CallTime } from './call-time.ts'
import type { KeyHandle, Keys, KeyToUnwrap, SealingKey, SealingScope } from './contract.ts'
import { DEFAULT_DEADLINE, Deadline } from './deadline.ts'
import { directKeys } from './direct-keys.ts'
import { contextId, type DistinctKey, distinctKeys, keyId } from './distinct-keys.ts'
import { ConfiguredIndexKeys } from './index-keys.ts'
import type { EncryptionContext } from './key-provider.ts'
import { slotOf } from './key-slot.ts'
import { createCounters, type KeyStats } from './key-stats.ts'
import type { KeyStore, KeyStoreReader } from './key-store.ts'
import { type KeysOptions, sealingMode } from './keys-options.ts'
import { createKmsCalls, type GeneratedKey } from './kms-calls.ts'
import { KnownKeys, type StoreAccess } from './known-keys.ts'
import { MAX_MILLISECONDS, wholeNumber } from './limits.ts'
import type { LoanedKey } from './loaned-key.ts'
import { kmsLimits } from './policy/kms-limits.ts'
import { SharedCall } from './shared-calls.ts'
import { CALLS_SIDE_BY_SIDE, sideBySide } from './side-by-side.ts'
import { StoredBranchKeys } from './stored-branch-keys.ts'
import { asRequest, openThroughStore, rememberedKey } from './stored-keys.ts'
import { type Unwrap, UnwrappedKeys } from './unwrapped-keys.ts'

export interface KeyService extends Keys {
  readonly stats: KeyStats
  /**
   * The same keys for work that must use no connection but the one that `reader` reads by, such as a caller's transaction: no key is added to the key store.
   * One for each transaction.
   */
  within(reader: KeyStoreReader): Keys
  /** Adds to the key store what such work found missing there; undefined where there is nothing to do. To be called while no transaction is open. */
  makeMissedKeys(): Promise<void> | undefined
  /**
   * Wraps a key by the current KMS key, by one call under the policy that all calls are under.
   *
   * @param key its bytes, which stay the caller's
   * @returns base64
   * @throws the codes of the KMS, `TIMEOUT` at the deadline
   */
  wrap(key: Uint8Array, context: EncryptionContext): Promise<string>
  /**
   * As {@link KeyService.wrap}, of a key that the current KMS key wrapped before it was changed: where its provider can, without unwrapping it here.
   *
   * @throws also `UNSUPPORTED` where it can't, `CANNOT_OPEN`
   */
  rewrap(wrapped: string, context: EncryptionContext): Promise<string>
}

/**
 * The key layer: keyring, cache, branch keys and index key behind the contract that the envelope layer knows.
 *
 * @throws `CONFIG`
 */
export function createKeys(options: KeysOptions): KeyService {
  const { keyring, keyStore, now = () => performance.now(), wallClock = () => Date.now(), random = Math.random } = options
  const mode = sealingMode(options.mode, keyStore)
  const milliseconds = wholeNumber('deadline', options.deadline ?? DEFAULT_DEADLINE, 1, MAX_MILLISECONDS)
  const counters = createCounters()
  const kms = createKmsCalls(counters, kmsLimits(options.kms, milliseconds))
  const cache = cacheLimits(options.cache)
  const limits = branchLimits(options.branch)
  const unwrapped = new UnwrappedKeys({ limits: cache, deadline: milliseconds, now, random, counters })
  const branches = new BranchKeys(limits, milliseconds, now, counters)
  const configured =
    options.indexKey === undefined
      ? undefined
      : new ConfiguredIndexKeys(options.indexKey, keyring, kms, milliseconds, now, () => counters.coalesced++)

  const known = new KnownKeys(cache.maxEntries, cache.maxAge, now)
  const storedKeys =
    keyStore === undefined
      ? undefined
      : new StoredBranchKeys({
          store: keyStore,
          known,
          limits,
          maxAge: cache.maxAge,
          joinableFor: milliseconds,
          now,
          wallClock,
          counters,
          work: {
            generate: ({ kid, context }, time) => kms.generateDataKey(keyring.provider(kid), context, time),
            unwrap: async (key, deadline) => {
              const lent: KeyHandle[] = []
              const { id, call } = unwrapping(asRequest(key), contextId(key.kmsContext))
              await unwrapped.findFreshOrUnwrap(id, call, deadline, (loaned) => lent.push(loaned.lend()))
              return lent[0] as KeyHandle
            },
            cached: (key) => cachedBytes(asRequest(key)),
            seed: (key, generated) => seed(asRequest(key), generated.key),
          },
        })

  async function forSealing(
    { context, kid: named }: SealingScope,
    rows: number,
    access: StoreAccess | undefined,
  ): Promise<readonly SealingKey[]> {
    wholeNumber('The number of rows to seal', rows, 0, 2 ** 32)
    const provider = named === undefined ? keyring.current : keyring.providerOfRows(named)
    const kid = provider.name
    const contextKey = contextId(context)
    const generate = async (time: CallTime): Promise<GeneratedKey> => {
      const generated = await kms.generateDataKey(provider, context, time)
      seed({ kid, wrapped: generated.wrapped, context }, generated.key)
      return generated
    }
    const deadline = new Deadline(milliseconds)
    const inline = (left: number): Promise<readonly SealingKey[]> =>
      branches.take(keyId(kid, contextKey, ''), kid, left, generate, deadline)
    try {
      if (mode === 'direct') return await directKeys(kid, rows, generate, deadline)
      if (mode === 'branch' || storedKeys === undefined || access === undefined) return await inline(rows)
      const taken = await storedKeys.take(slotOf(kid, context), rows, access, deadline)
      const left = taken.reduce((missing, key) => missing - key.rows, rows)
      if (left === 0) return taken
      try {
        return [...taken, ...(await inline(left))]
      } catch (error) {
        for (const { key } of taken) key.release()
        throw error
      }
    } finally {
      deadline.clear()
    }
  }

  function readyForSealing(
    { context, kid = keyring.current.name }: SealingScope,
    rows: number,
  ): readonly SealingKey[] | undefined {
    if (mode === 'direct' || rows < 1) return undefined
    const key =
      mode === 'stored'
        ? storedKeys?.takeReady(slotOf(kid, context), rows)
        : branches.takeReady(keyId(kid, contextId(context), ''), kid, rows)
    return key === undefined ? undefined : [key]
  }

  async function forOpening(
    requests: readonly KeyToUnwrap[],
    access: StoreAccess | undefined,
  ): Promise<readonly (KeyHandle | EnvelopeError)[]> {
    if (requests.every(({ stored }) => stored === undefined)) return unwrapAll(requests)
    return openThroughStore(requests, known, access, unwrapAll)
  }

  async function unwrapAll(requests: readonly KeyToUnwrap[]): Promise<readonly (KeyHandle | EnvelopeError)[]> {
    const results = Array.from<KeyHandle | EnvelopeError>({ length: requests.length })
    const missing: DistinctKey[] = []
    for (const key of distinctKeys(requests)) {
      if (!unwrapped.find(idOf(key), (loaned) => lendAll(loaned, key, results))) missing.push(key)
    }
    if (missing.length === 0) return results

    const deadline = new Deadline(milliseconds)
    try {
      await sideBySide(missing, CALLS_SIDE_BY_SIDE, async (key) => {
        try {
          const { id, call } = unwrapping(key.request, key.context)
          await unwrapped.findOrUnwrap(id, call, deadline, (loaned) => lendAll(loaned, key, results))
        } catch (error) {
          if (!(error instanceof EnvelopeError)) throw error
          for (const place of key.places) results[place] = error
        }
      })
    } finally {
      deadline.clear()
    }
    return results
  }

  function seed(request: KeyToUnwrap, key: LoanedKey): void {
    const { id, call } = unwrapping(request, contextId(request.context))
    unwrapped.seed(id, key.lend(), call)
  }

  /** The KMS call for a wrapped key, and what it is cached by. */
  function unwrapping(
    { kid, context, wrapped }: KeyToUnwrap,
    contextKey: string,
  ): { readonly id: string; readonly call: Unwrap } {
    const provider = keyring.providerOfRows(kid)
    const bytes = wrappedBytes(wrapped)
    return { id: keyId(kid, contextKey, wrapped), call: (time) => kms.unwrap(provider, bytes, context, time) }
  }

  function cached(request: KeyToUnwrap, access: StoreAccess | undefined): KeyHandle | undefined {
    if (request.stored === undefined) return cachedBytes(request)
    const resolved = access && rememberedKey(request, known, access)
    return resolved === undefined ? undefined : cachedBytes(resolved)
  }

  function cachedBytes({ kid, wrapped, context }: KeyToUnwrap): KeyHandle | undefined {
    let handle: KeyHandle | undefined
    unwrapped.find(keyId(kid, contextId(context), wrapped), (loaned) => {
      handle = loaned.lend(kid)
    })
    return handle
  }

  function indexKeys(): ConfiguredIndexKeys {
    if (configured !== undefined) return configured
    throw new EnvelopeError(
      'CONFIG',
      'indexKey is missing, and searchable fields need it: run createIndexKey(keys) once, keep the line it returns, and give it as indexKey.current',
    )
  }

  const throughAccess = (access: StoreAccess | undefined): Keys => ({
    forSealing: (scope, rows) => forSealing(scope, rows, access),
    readyForSealing,
    forOpening: (requests) => forOpening(requests, access),
    cached: (request) => cached(request, access),
    indexKey: async () => indexKeys().current(),
    readyIndexKey: () => configured?.readyCurrent(),
    indexKeyCount: configured?.count ?? 0,
    indexKeys: async () => indexKeys().all(),
    readyIndexKeys: () => configured?.readyAll(),
  })

  return {
    ...throughAccess(keyStore && { reader: keyStore }),
    within: (reader) => throughAccess(keyStore && { reader, own: new Map() }),
    makeMissedKeys: () =>
      keyStore !== undefined && storedKeys?.hasMissed === true ? makeMissed(keyStore, storedKeys) : undefined,
    wrap: (key, context) => once((time) => kms.wrap(keyring.current, key, context, time)),
    rewrap: async (wrapped, context) => {
      const bytes = wrappedBytes(wrapped)
      return once((time) => kms.rewrap(keyring.current, bytes, context, time))
    },
    stats: counters,
  }

  /** A call that nobody shares. */
  async function once(call: (time: CallTime) => Promise<string>): Promise<string> {
    const deadline = new Deadline(milliseconds)
    const ignore = (): void => {}
    try {
      return await new SharedCall(call, ignore, ignore).wait(deadline, (wrapped) => wrapped)
    } finally {
      deadline.clear()
    }
  }

  async function makeMissed(reader: KeyStore, keys: StoredBranchKeys): Promise<void> {
    const deadline = new Deadline(milliseconds)
    await keys.makeMissed({ reader }, deadline)
    deadline.clear()
  }
}

function idOf({ request, context }: DistinctKey): string {
  return keyId(request.kid, context, request.wrapped)
}

function lendAll(key: LoanedKey, { places, request }: DistinctKey, results: (KeyHandle | EnvelopeError)[]): void {
  for (const place of places) results[place] = key.lend(request.kid)
}

/** @throws `CANNOT_OPEN` unless it is base64 in its one canonical form: Node's decoder skips what it does not know. */
function wrappedBytes(wrapped: string): Uint8Array {
  const bytes = Buffer.from(wrapped, 'base64')
  if (bytes.length > 0 && bytes.toString('base64') === wrapped) return bytes
  throw new EnvelopeError('CANNOT_OPEN', 'The wrapped key is not base64')
}
