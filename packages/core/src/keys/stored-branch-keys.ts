import { randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { EnvelopeError } from '../errors.ts'
import type { BranchLimits } from './branch-keys.ts'
import type { CallTime } from './call-time.ts'
import { erased, type LiveKey, liveKey, MAX_GENERATION } from './checked-key.ts'
import { partsOfRowContext } from './context.ts'
import type { KeyHandle, KeySource, SealingKey } from './contract.ts'
import type { Deadline } from './deadline.ts'
import { contextId, keyId } from './distinct-keys.ts'
import type { EncryptionContext } from './key-provider.ts'
import type { KeyCounters } from './key-stats.ts'
import { contextDigest, type KeyStore, type StoredKey } from './key-store.ts'
import type { GeneratedKey } from './kms-calls.ts'
import type { KnownKeys, StoreAccess } from './known-keys.ts'
import { SharedCalls } from './shared-calls.ts'
import { isRefusal } from './stored-keys.ts'

/** What one stored key serves. */
export interface KeySlot {
  /** Stands for `kid` and `context`. */
  readonly id: string
  readonly kid: string
  /** Of the KMS. */
  readonly context: EncryptionContext
}

export function slotOf(kid: string, context: EncryptionContext): KeySlot {
  return { id: keyId(kid, contextId(context), ''), kid, context }
}

/** What the key layer around it does. */
export interface KeyWork {
  generate(slot: KeySlot, time: CallTime): Promise<GeneratedKey>
  /** From the cache of unwrapped keys, else from the KMS. */
  unwrap(key: LiveKey, deadline: Deadline): Promise<KeyHandle>
  /** From the cache alone. */
  cached(key: LiveKey): KeyHandle | undefined
  /** Puts in the cache a key that was just generated. */
  seed(key: LiveKey, generated: GeneratedKey): void
}

export interface StoredBranchKeysOptions {
  readonly store: KeyStore
  readonly known: KnownKeys
  readonly work: KeyWork
  readonly limits: BranchLimits
  /** Milliseconds for which the store is not asked again which key is the newest. */
  readonly maxAge: number
  /** Milliseconds after its start within which a running KMS call may be joined. */
  readonly joinableFor: number
  /** Monotonic, in milliseconds. */
  readonly now: () => number
  /** Milliseconds since 1970: `createdAt` of stored keys is compared with it. */
  readonly wallClock: () => number
  readonly counters: KeyCounters
}

/** The newest key of a slot, and its bytes where this process has just made it. */
interface Chosen {
  readonly key: LiveKey
  readonly handle: KeyHandle | undefined
}

/** Keys whose uses are counted: more than any process has in use between two evictions. */
const COUNTED_KEYS = 2 ** 16
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
  /** `maxSize`, not `max`, for which lru-cache would set memory aside for all of them at once. */
  readonly #wraps = new LRUCache<string, number>({ maxSize: COUNTED_KEYS, sizeCalculation: () => 1 })
  readonly #lookups = new Map<string, Promise<LiveKey | undefined>>()
  /** Those under way, by slot. */
  readonly #inserts = new Map<string, Promise<Inserted>>()
  readonly #insertOf = new WeakMap<GeneratedKey, Promise<Inserted>>()
  readonly #generating: SharedCalls<GeneratedKey>
  /** Those for which a transaction of a caller's found no key. */
  readonly #missed = new Map<string, KeySlot>()

  constructor(options: StoredBranchKeysOptions) {
    const { limits, maxAge, now, counters, joinableFor } = options
    this.#options = options
    // lru-cache takes a start of 0 for "never expires", and by default remembers the time for a millisecond by a timer.
    this.#active = new LRUCache({ max: limits.maxEntries, ttl: maxAge, perf: { now: () => now() + 1 }, ttlResolution: 0 })
    this.#generating = new SharedCalls({
      joinableFor,
      now,
      joined: () => counters.coalesced++,
      finished: ({ key }) => key.release(),
    })
  }

  /** One key for `rows` rows, where it needs no waiting. */
  takeReady(slot: KeySlot, rows: number): SealingKey | undefined {
    const key = this.#usable(slot)
    if (key === undefined || this.#room(key) < rows) return undefined
    const handle = this.#options.work.cached(key)
    if (handle === undefined) return undefined
    this.#charge(key, rows)
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
        const served = Math.min(missing, this.#room(key))
        if (served === 0) {
          chosen.handle?.release()
          continue
        }
        this.#charge(key, served)
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
      const inserting = this.#inserts.get(slot.id)
      if (inserting !== undefined) {
        // Its failure is that of those who waited for it from the beginning.
        await inserting.catch(() => {})
        continue
      }
      const newest = await this.#lookUp(slot)
      if (newest !== undefined && this.#mayServe(newest)) return { key: newest, handle: undefined }
      if (this.#inserts.has(slot.id) || this.#usable(slot) !== undefined) continue
      const made = await this.#make(slot, newest, deadline)
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

  /** @returns undefined where another process was first. */
  async #make(slot: KeySlot, newest: LiveKey | undefined, deadline: Deadline): Promise<Chosen | undefined> {
    const generation = newest === undefined ? 0 : newest.generation + 1
    if (generation > MAX_GENERATION) {
      throw new EnvelopeError(
        'CANNOT_OPEN',
        `the key ${newest?.id} of the key store has a generation that none can follow: it was altered`,
      )
    }
    const { work } = this.#options
    const taken = await this.#generating.ask(
      slot.id,
      (time) => work.generate(slot, time),
      deadline,
      // At the moment that it arrives, so that no one who comes now asks the KMS again.
      (generated) => ({ handle: generated.key.lend(), insert: this.#insert(slot, generation, generated) }),
    )
    try {
      const { key } = await taken.insert
      if (key !== undefined) return { key, handle: taken.handle }
    } catch (error) {
      taken.handle.release()
      throw error
    }
    taken.handle.release()
    return undefined
  }

  /** Once for each generated key, for all who have waited for it. */
  #insert(slot: KeySlot, generation: number, generated: GeneratedKey): Promise<Inserted> {
    const running = this.#insertOf.get(generated)
    if (running !== undefined) return running
    const inserting = this.#insertAndActivate(slot, generation, generated).finally(() => {
      if (this.#inserts.get(slot.id) === inserting) this.#inserts.delete(slot.id)
    })
    this.#inserts.set(slot.id, inserting)
    this.#insertOf.set(generated, inserting)
    return inserting
  }

  async #insertAndActivate(slot: KeySlot, generation: number, generated: GeneratedKey): Promise<Inserted> {
    const { store, now, wallClock, work } = this.#options
    const { table, userContext } = partsOfRowContext(slot.context)
    const stored: StoredKey = {
      id: randomBytes(16).toString('base64url'),
      kid: slot.kid,
      table,
      context: userContext,
      contextDigest: contextDigest(userContext),
      generation,
      wrapped: generated.wrapped,
      createdAt: new Date(wallClock()),
      erasedAt: null,
    }
    const readAt = now()
    const own = generated.key.lend()
    try {
      if (!(await store.insert(stored))) return { key: undefined }
      const key = this.#activate(slot, stored, readAt)
      work.seed(key, { key: own, wrapped: generated.wrapped })
      return { key }
    } finally {
      own.release()
    }
  }

  #usable(slot: KeySlot): LiveKey | undefined {
    const key = this.#active.get(slot.id)
    return key !== undefined && this.#mayServe(key) ? key : undefined
  }

  #mayServe(key: LiveKey): boolean {
    return this.#isYoung(key) && this.#room(key) > 0
  }

  /** A clock that is wrong makes a new key too early or too late, and nothing else: no key stops opening rows by its age. */
  #isYoung({ createdAt }: LiveKey): boolean {
    return this.#options.wallClock() - createdAt.getTime() < this.#options.limits.rotateAfter
  }

  #room({ id }: LiveKey): number {
    return Math.max(0, this.#options.limits.maxWraps - (this.#wraps.get(id) ?? 0))
  }

  #charge({ id }: LiveKey, rows: number): void {
    this.#wraps.set(id, (this.#wraps.get(id) ?? 0) + rows)
  }
}

/** What became of a new key; none where another process was first. */
interface Inserted {
  readonly key: LiveKey | undefined
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
