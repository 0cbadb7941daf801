import { EnvelopeError } from '../errors.ts'
import type { KeyHandle, Keys, KeyToUnwrap, SealingKey, SealingScope } from './contract.ts'
import { contextId } from './distinct-keys.ts'

/** Thrown where work that must not wait for a KMS meets a key that is not at hand. */
export class KeysNeeded extends Error {
  /** Asks the KMS for them. They are at hand when the work is done again. */
  readonly fetch: () => Promise<void>

  constructor(fetch: () => Promise<void>) {
    super('keys have to be fetched first')
    this.name = 'KeysNeeded'
    this.fetch = fetch
  }
}

/** Keys for work that holds a database transaction open: it never waits for a KMS, but is abandoned and done again once the keys are there. */
export interface KeysAhead {
  readonly keys: Keys
  /**
   * What an attempt sealed may have left this process, before it was abandoned: its keys seal nothing more. Else they serve the next attempt. Keys of the key
   * store do so always: 2^26 wraps leave room for those of attempts that were in vain.
   */
  sent(): void
  /** Releases all that was fetched. */
  release(): void
}

/** Keys for one seal, to be given once. */
interface Reservation {
  readonly scope: string
  readonly keys: readonly SealingKey[]
  given: boolean
}

/** `keys`, and what was fetched for this work alone, whatever the cache may have let go of since: so the work comes to an end however much it needs. */
export function createKeysAhead(keys: Keys): KeysAhead {
  const opened = new Map<string, KeyHandle | EnvelopeError>()
  let reservations: Reservation[] = []
  const held: KeyHandle[] = []
  const needed: (() => Promise<void>)[] = []

  const idOf = ({ kid, wrapped, context, stored = '' }: KeyToUnwrap): string =>
    `${stored} ${kid} ${wrapped} ${contextId(context)}`
  const find = (request: KeyToUnwrap): KeyHandle | EnvelopeError | undefined => {
    const found = opened.get(idOf(request))
    return found === undefined || found instanceof EnvelopeError ? found : borrowed(found)
  }

  async function unwrap(requests: readonly KeyToUnwrap[]): Promise<void> {
    const outcomes = await keys.forOpening(requests)
    outcomes.forEach((outcome, i) => {
      if (!(outcome instanceof EnvelopeError)) held.push(outcome)
      const request = requests[i]
      if (request !== undefined) opened.set(idOf(request), outcome)
    })
  }

  function readyForSealing(scope: SealingScope, rows: number): readonly SealingKey[] | undefined {
    const id = scopeId(scope)
    const reserved = reservations.find(
      (candidate) => !candidate.given && candidate.scope === id && candidate.keys.reduce((sum, key) => sum + key.rows, 0) >= rows,
    )
    if (reserved === undefined) return keys.readyForSealing(scope, rows)
    reserved.given = true
    return reserved.keys.map((key) => ({ ...key, key: borrowed(key.key) }))
  }

  async function reserve(scope: SealingScope, rows: number): Promise<void> {
    const taken = await keys.forSealing(scope, rows)
    reservations.push({ scope: scopeId(scope), keys: taken, given: false })
    for (const { kid, wrapped, stored, key } of taken) {
      held.push(key)
      // What is sealed may be opened again at once.
      const { context } = scope
      opened.set(idOf(stored === undefined ? { kid, wrapped, context } : { kid: '', wrapped: '', context, stored }), key)
    }
  }

  /** The attempt is abandoned, and the work done again once `fetch` has ended, and what else the same attempt has met with. */
  function needing(fetch: () => Promise<void>): KeysNeeded {
    needed.push(fetch)
    return new KeysNeeded(async () => {
      for (const reservation of reservations) reservation.given = false
      // All of them, whatever fails: rows of many contexts need many keys, and each attempt would meet with one.
      const outcomes = await Promise.allSettled(needed.splice(0).map((each) => each()))
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    })
  }

  return {
    keys: {
      async forSealing(scope, rows) {
        throw needing(() => reserve(scope, rows))
      },
      readyForSealing,
      async forOpening(requests) {
        const missing = requests.filter((request) => find(request) === undefined)
        if (missing.length > 0) throw needing(() => unwrap(missing))
        return requests.map((request) => find(request) as KeyHandle | EnvelopeError)
      },
      cached(request) {
        const found = find(request)
        return found === undefined || found instanceof EnvelopeError ? keys.cached(request) : found
      },
      readyIndexKey: () => keys.readyIndexKey(),
      async indexKey() {
        const ready = keys.readyIndexKey()
        if (ready !== undefined) return ready
        throw needing(async () => (await keys.indexKey()).key.release())
      },
      indexKeyCount: keys.indexKeyCount,
      readyIndexKeys: () => keys.readyIndexKeys(),
      async indexKeys() {
        const ready = keys.readyIndexKeys()
        if (ready !== undefined) return ready
        throw needing(async () => {
          for (const { key } of await keys.indexKeys()) key.release()
        })
      },
    },
    sent() {
      reservations = reservations.filter((reservation) => !reservation.given || isStored(reservation))
      for (const reservation of reservations) reservation.given = false
    },
    release() {
      for (const key of held.splice(0)) key.release()
      reservations = []
      opened.clear()
    },
  }
}

/** It may stand in a cache that holds nothing: taken anew for each attempt, it would be missing in each. */
function isStored({ keys }: Reservation): boolean {
  return keys.every(({ stored }) => stored !== undefined)
}

/** Key names hold no space. */
function scopeId({ context, kid = '' }: SealingScope): string {
  return `${kid} ${contextId(context)}`
}

/** The bytes of a handle that is released later, with all others. */
function borrowed({ bytes, rowKeys, source = 'miss', kid }: KeyHandle): KeyHandle {
  return { bytes, rowKeys, source, kid, release: () => {} }
}
