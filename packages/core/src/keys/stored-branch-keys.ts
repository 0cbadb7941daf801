import { LRUCache } from 'lru-cache'
import { EnvelopeError } from '../errors.ts'
import type { BranchLimits } from './branch-keys.ts'
import { erased, type LiveKey, liveKey } from './checked-key.ts'
import { partsOfRowContext } from './context.ts'
import type { KeyHandle, KeySource, SealingKey } from './contract.ts'
import type { Deadline } from './deadline.ts'
import type { KeySlot } from './key-slot.ts'
import { contextDigest, type StoredKey } from './key-store.ts'
import type { KnownKeys, StoreAccess } from './known-keys.ts'
import { type Chosen, type MakingRules, StoredKeyMaker } from './stored-key-maker.ts'
import { isRefusal } from './stored-keys.ts'
import { WrapCounts } from './wrap-counts.ts'

export interface StoredBranchKeysOptions extends MakingRules {
  readonly known: KnownKeys
  readonly work: MakingRules['work'] & {
    /** From the cache of unwrapped keys, else from the KMS. */
    unwrap(key: LiveKey, deadline: Deadline): Promise<KeyHandle>
    /** From the cache alone. */
    cached(key: LiveKey): KeyHandle | undefined
  }
  readonly limits: BranchLimits
  /** Milliseconds for which the store is not asked again which key is the newest. */
  readonly maxAge: number
}

/** A lost race shows the winner's key at the next look; a store that goes on refusing and showing none is broken. */
const MAX_ATTEMPTS = 20

/**
 * The branch keys of the key store under which new rows are sealed: one for each KMS key, table and context, for all processes together.
 *
 * A key is made where there is none, or where the newest one is too old or has wrapped enough. It is committed before anybody seals under it; of several
 * processes at once the unique constraint lets one win, and the others take its key.
 */
export class StoredBranchKeys {
  readonly #options: StoredBranchKeysOptions
  readonly #active: LRUCache<string, LiveKey>
  readonly #wraps: WrapCounts
  readonly #lookups = new Map<string, Promise<LiveKey | undefined>>()
  readonly #maker: StoredKeyMaker
  /** Those for which a transaction of a caller's found no key. */
  readonly #missed = new Map<string, KeySlot>()

  constructor(options: StoredBranchKeysOptions) {
    const { limits, maxAge, now } = options
    this.#options = options
    this.#wraps = new WrapCounts(limits.maxWraps)
    // lru-cache takes a start of 0 for "never expires", and by default remembers the time for a millisecond by a timer.
    this.#active = new LRUCache({ max: limits.maxEntries, ttl: maxAge, perf: { now: () => now() + 1 }, ttlResolution: 0 })
    this.#maker = new StoredKeyMaker({ ...options, made: (slot, stored, readAt) => this.#activate(slot, stored, readAt) })
  }

  /** One key for `rows` rows, where it needs no waiting. */
  takeReady(slot: KeySlot, rows: number): SealingKey | undefined {
    const key = this.#usable(slot)
    if (key === undefined || this.#wraps.left(key) < rows) return undefined
    const handle = this.#options.work.cached(key)
    if (handle === undefined) return undefined
    this.#wraps.add(key, rows)
    return sealingKey(key, handle, rows)
  }

  /**
   * Keys for `rows` rows. Where `access` is that of a caller's transaction no key is made, and rows may be left over: to make one takes a connection, which
   * that transaction may hold.
   *
   * @throws `ERASED`, `CONTEXT_MISMATCH` or `CANNOT_OPEN` for what the store returned, what the store throws, the codes of the KMS, `TIMEOUT` at the deadline.
   *   The rows already counted stay counted.
   */
  async take(slot: KeySlot, rows: number, access: StoreAccess, deadline: Deadline): Promise<readonly SealingKey[]> {
    const taken: SealingKey[] = []
    let missing = rows
    try {
      while (missing > 0) {
        const chosen = await this.#choose(slot, access, deadline)
        if (chosen === undefined) {
          this.#miss(slot)
          return taken
        }
        const { key } = chosen
        // Nothing of this may wait: others take rows of the same key.
        const served = Math.min(missing, this.#wraps.left(key))
        if (served === 0) {
          chosen.handle?.release()
          continue
        }
        this.#wraps.add(key, served)
        missing -= served
        taken.push(await this.#lent(slot, chosen, served, access, deadline))
      }
    } catch (error) {
      for (const { key } of taken) key.release()
      throw error
    }
    return taken
  }

  async #lent(
    slot: KeySlot,
    { key, handle }: Chosen,
    rows: number,
    access: StoreAccess,
    deadline: Deadline,
  ): Promise<SealingKey> {
    if (handle !== undefined) return sealingKey(key, handle, rows, 'generated')
    const cached = this.#options.work.cached(key)
    if (cached !== undefined) return sealingKey(key, cached, rows)
    return sealingKey(key, await this.#unwrap(slot, key, access, deadline), rows, 'miss')
  }

  async #unwrap(slot: KeySlot, key: LiveKey, access: StoreAccess, deadline: Deadline): Promise<KeyHandle> {
    try {
      return await this.#options.work.unwrap(key, deadline)
    } catch (error) {
      // It may have been wrapped by another KMS key since: the next operation looks.
      if (isRefusal(error)) {
        if (this.#active.get(slot.id)?.id === key.id) this.#active.delete(slot.id)
        this.#options.known.forget(key.id, access)
      }
      throw error
    }
  }

  async #choose(slot: KeySlot, access: StoreAccess, deadline: Deadline): Promise<Chosen | undefined> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const active = this.#usable(slot)
      if (active !== undefined) return { key: active, handle: undefined }
      if (access.own !== undefined) return this.#newestVisible(slot, access)
      const inserting = this.#maker.inserting(slot)
      if (inserting !== undefined) {
        // Its failure is that of those who waited for it from the beginning.
        await inserting.catch(() => {})
        continue
      }
      const newest = await this.#lookUp(slot)
      if (newest !== undefined && this.#mayServe(newest)) return { key: newest, handle: undefined }
      if (this.#maker.inserting(slot) !== undefined || this.#usable(slot) !== undefined) continue
      const made = await this.#maker.make(slot, newest, deadline)
      if (made !== undefined) return made
    }
    throw new EnvelopeError(
      'CONFLICT',
      'the key store takes no new key and shows no other: check its unique constraint, and what row-level security hides of it',
    )
  }

  #miss(slot: KeySlot): void {
    if (this.#missed.size < this.#options.limits.maxEntries) this.#missed.set(slot.id, slot)
  }

  /** Whether a transaction lacked a key that {@link StoredBranchKeys.makeMissed} would make. */
  get hasMissed(): boolean {
    return this.#missed.size > 0
  }

  /**
   * Makes the keys that transactions lacked: where all writes are in transactions, nobody else would. A failure is nobody's, as rows can carry their keys; the
   * next transaction that lacks one has it tried again.
   */
  async makeMissed(access: StoreAccess, deadline: Deadline): Promise<void> {
    const slots = [...this.#missed.values()]
    this.#missed.clear()
    const made = slots.map(async (slot) => (await this.#choose(slot, access, deadline))?.handle?.release())
    await Promise.allSettled(made)
  }

  /** What a caller's transaction sees is not told to others: its snapshot may be old. */
  async #newestVisible(slot: KeySlot, { reader, own }: StoreAccess): Promise<Chosen | undefined> {
    const { table, userContext } = partsOfRowContext(slot.context)
    const newest = await reader.newest(slot.kid, table, contextDigest(userContext))
    if (newest.erased) throw erased()
    if (newest.key === undefined) return undefined
    const key = liveKeyOf(newest.key, slot)
    own?.set(key.id, newest.key)
    return this.#mayServe(key) ? { key, handle: undefined } : undefined
  }

  /** The newest key of the store, which becomes the active one. Whoever asks meanwhile shares the query. */
  #lookUp(slot: KeySlot): Promise<LiveKey | undefined> {
    let running = this.#lookups.get(slot.id)
    if (running === undefined) {
      running = this.#newest(slot).finally(() => this.#lookups.delete(slot.id))
      this.#lookups.set(slot.id, running)
    }
    return running
  }

  async #newest(slot: KeySlot): Promise<LiveKey | undefined> {
    const { store, now } = this.#options
    const { table, userContext } = partsOfRowContext(slot.context)
    const readAt = now()
    const newest = await store.newest(slot.kid, table, contextDigest(userContext))
    if (newest.erased) {
      this.#active.delete(slot.id)
      throw erased()
    }
    return newest.key === undefined ? undefined : this.#activate(slot, newest.key, readAt)
  }

  #activate(slot: KeySlot, stored: StoredKey, readAt: number): LiveKey {
    const key = liveKeyOf(stored, slot)
    this.#options.known.add(stored, readAt)
    // A key of this process may have been committed while the store was asked.
    const active = this.#active.get(slot.id)
    if (active === undefined || active.generation <= key.generation) this.#active.set(slot.id, key, { start: readAt + 1 })
    return key
  }

  #usable(slot: KeySlot): LiveKey | undefined {
    const key = this.#active.get(slot.id)
    return key !== undefined && this.#mayServe(key) ? key : undefined
  }

  #mayServe(key: LiveKey): boolean {
    return this.#isYoung(key) && this.#wraps.left(key) > 0
  }

  /** A clock that is wrong makes a new key too early or too late, and nothing else: no key stops opening rows by its age. */
  #isYoung({ createdAt }: LiveKey): boolean {
    return this.#options.wallClock() - createdAt.getTime() < this.#options.limits.rotateAfter
  }
}

/** @throws `CONTEXT_MISMATCH` where the store answered with a key of another KMS key, table or context. */
function liveKeyOf(stored: StoredKey, { kid, context }: KeySlot): LiveKey {
  const key = liveKey(stored, context)
  if (key.kid === kid) return key
  throw new EnvelopeError('CONTEXT_MISMATCH', `the key store answered with a key of another KMS key than ${JSON.stringify(kid)}`)
}

function sealingKey({ kid, wrapped, id }: LiveKey, handle: KeyHandle, rows: number, source?: KeySource): SealingKey {
  return { mode: 'branch', kid, wrapped, stored: id, key: handle, rows, source }
}
