import { EnvelopeError } from '../errors.ts'
import { BranchKeys, type BranchLimits, branchLimits } from './branch-keys.ts'
import { type CacheLimits, cacheLimits } from './cache-limits.ts'
import type { KeyHandle, Keys, KeyToUnwrap, SealingKey, SealingScope } from './contract.ts'
import { DEFAULT_DEADLINE, Deadline } from './deadline.ts'
import { directKeys } from './direct-keys.ts'
import { contextId, type DistinctKey, distinctKeys, keyId } from './distinct-keys.ts'
import { ConfiguredIndexKeys, type IndexKeyLines } from './index-keys.ts'
import { createCounters, type KeyStats } from './key-stats.ts'
import type { Keyring } from './keyring.ts'
import { createKmsCalls, type GeneratedKey } from './kms-calls.ts'
import { MAX_MILLISECONDS, wholeNumber } from './limits.ts'
import type { LoanedKey } from './loaned-key.ts'
import { CALLS_SIDE_BY_SIDE, sideBySide } from './side-by-side.ts'
import { UnwrappedKeys } from './unwrapped-keys.ts'

export interface KeysOptions {
  readonly keyring: Keyring
  /** What wraps the DEK of a new row: a branch key (default), or the KMS itself by a call for each row. */
  readonly mode?: SealingKey['mode']
  readonly cache?: Partial<CacheLimits>
  readonly branch?: Partial<BranchLimits>
  /** What `createIndexKey` returned: `current` is for new tokens, `others` are searched too. */
  readonly indexKey?: IndexKeyLines
  /** Milliseconds that one operation gives to all its KMS work. Default 5,000. */
  readonly deadline?: number
  /** A monotonic clock in milliseconds, so that setting the wall clock neither ages nor rejuvenates a key. Default `performance.now`. */
  readonly now?: () => number
  /** From 0 to 1, for jitter. Default `Math.random`. */
  readonly random?: () => number
}

export interface KeyService extends Keys {
  readonly stats: KeyStats
}

/**
 * The key layer: keyring, cache, branch keys and index key behind the contract that the envelope layer knows.
 *
 * @throws `CONFIG`
 */
export function createKeys(options: KeysOptions): KeyService {
  const { keyring, mode = 'branch', now = () => performance.now(), random = Math.random } = options
  if (mode !== 'branch' && mode !== 'direct') throw new EnvelopeError('CONFIG', "wrap must be 'branch' or 'direct'")
  const milliseconds = wholeNumber('deadline', options.deadline ?? DEFAULT_DEADLINE, 1, MAX_MILLISECONDS)
  const counters = createCounters()
  const kms = createKmsCalls(counters)
  const unwrapped = new UnwrappedKeys({ limits: cacheLimits(options.cache), deadline: milliseconds, now, random, counters })
  const branches = new BranchKeys(branchLimits(options.branch), milliseconds, now, counters)
  const configured =
    options.indexKey === undefined
      ? undefined
      : new ConfiguredIndexKeys(options.indexKey, keyring, kms, milliseconds, now, () => counters.coalesced++)

  async function forSealing({ context, kid: named }: SealingScope, rows: number): Promise<readonly SealingKey[]> {
    wholeNumber('The number of rows to seal', rows, 0, 2 ** 32)
    const provider = named === undefined ? keyring.current : keyring.provider(named)
    const kid = provider.name
    const contextKey = contextId(context)
    const generate = async (signal: AbortSignal): Promise<GeneratedKey> => {
      const generated = await kms.generateDataKey(provider, context, signal)
      const { wrapped, key } = generated
      unwrapped.seed(keyId(kid, contextKey, wrapped), key.lend(), (later) =>
        kms.unwrap(provider, wrappedBytes(wrapped), context, later),
      )
      return generated
    }
    const deadline = new Deadline(milliseconds)
    try {
      return mode === 'direct'
        ? await directKeys(kid, rows, generate, deadline)
        : await branches.take(keyId(kid, contextKey, ''), kid, rows, generate, deadline)
    } finally {
      deadline.clear()
    }
  }

  function readyForSealing(
    { context, kid = keyring.current.name }: SealingScope,
    rows: number,
  ): readonly SealingKey[] | undefined {
    if (mode === 'direct' || rows < 1) return undefined
    const key = branches.takeReady(keyId(kid, contextId(context), ''), kid, rows)
    return key === undefined ? undefined : [key]
  }

  async function forOpening(requests: readonly KeyToUnwrap[]): Promise<readonly (KeyHandle | EnvelopeError)[]> {
    const results = Array.from<KeyHandle | EnvelopeError>({ length: requests.length })
    const missing: DistinctKey[] = []
    for (const key of distinctKeys(requests)) {
      if (!unwrapped.find(idOf(key), (loaned) => lendAll(loaned, key.places, results))) missing.push(key)
    }
    if (missing.length === 0) return results

    const deadline = new Deadline(milliseconds)
    try {
      await sideBySide(missing, CALLS_SIDE_BY_SIDE, async (key) => {
        try {
          await openOne(key, deadline, results)
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

  async function openOne(key: DistinctKey, deadline: Deadline, results: (KeyHandle | EnvelopeError)[]): Promise<void> {
    const { kid, context, wrapped } = key.request
    const provider = keyring.provider(kid)
    const bytes = wrappedBytes(wrapped)
    await unwrapped.findOrUnwrap(
      idOf(key),
      (signal) => kms.unwrap(provider, bytes, context, signal),
      deadline,
      (loaned) => lendAll(loaned, key.places, results),
    )
  }

  function cached({ kid, wrapped, context }: KeyToUnwrap): KeyHandle | undefined {
    let handle: KeyHandle | undefined
    unwrapped.find(keyId(kid, contextId(context), wrapped), (loaned) => {
      handle = loaned.lend()
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

  return {
    forSealing,
    readyForSealing,
    forOpening,
    cached,
    indexKey: async () => indexKeys().current(),
    readyIndexKey: () => configured?.readyCurrent(),
    indexKeyCount: configured?.count ?? 0,
    indexKeys: async () => indexKeys().all(),
    readyIndexKeys: () => configured?.readyAll(),
    stats: counters,
  }
}

function idOf({ request, context }: DistinctKey): string {
  return keyId(request.kid, context, request.wrapped)
}

function lendAll(key: LoanedKey, places: readonly number[], results: (KeyHandle | EnvelopeError)[]): void {
  for (const place of places) results[place] = key.lend()
}

/** @throws `CANNOT_OPEN` unless it is base64 in its one canonical form: Node's decoder skips what it does not know. */
function wrappedBytes(wrapped: string): Uint8Array {
  const bytes = Buffer.from(wrapped, 'base64')
  if (bytes.length > 0 && bytes.toString('base64') === wrapped) return bytes
  throw new EnvelopeError('CANNOT_OPEN', 'The wrapped key is not base64')
}
