import { randomBytes } from 'node:crypto'
import { EnvelopeError } from '../errors.ts'
import type { CallTime } from './call-time.ts'
import { type LiveKey, MAX_GENERATION } from './checked-key.ts'
import { partsOfRowContext } from './context.ts'
import type { KeyHandle } from './contract.ts'
import type { Deadline } from './deadline.ts'
import type { KeySlot } from './key-slot.ts'
import type { KeyCounters } from './key-stats.ts'
import { contextDigest, type KeyStore, type StoredKey } from './key-store.ts'
import type { GeneratedKey } from './kms-calls.ts'
import { SharedCalls } from './shared-calls.ts'

/** What a maker of stored keys is given by the key layer around it. */
export interface MakingRules {
  readonly store: KeyStore
  readonly work: {
    generate(slot: KeySlot, time: CallTime): Promise<GeneratedKey>
    /** Puts in the cache a key that was just generated. */
    seed(key: LiveKey, generated: GeneratedKey): void
  }
  /** Milliseconds after its start within which a running KMS call may be joined. */
  readonly joinableFor: number
  /** Monotonic, in milliseconds. */
  readonly now: () => number
  /** Milliseconds since 1970, for `createdAt`. */
  readonly wallClock: () => number
  readonly counters: KeyCounters
}

/** The newest key of a slot, and its bytes where this process has just made it. */
export interface Chosen {
  readonly key: LiveKey
  readonly handle: KeyHandle | undefined
}

/** What became of a new key; none where another process was first. */
interface Inserted {
  readonly key: LiveKey | undefined
}

/** Makes keys for the key store: each is committed before anybody seals under it, and serves all of this process who wait for one. */
export class StoredKeyMaker {
  readonly #rules: MakingRules
  readonly #made: (slot: KeySlot, stored: StoredKey, readAt: number) => LiveKey
  /** Those under way, by slot. */
  readonly #inserts = new Map<string, Promise<Inserted>>()
  readonly #insertOf = new WeakMap<GeneratedKey, Promise<Inserted>>()
  readonly #generating: SharedCalls<GeneratedKey>

  /** @param rules `made` is told of each key as soon as it is committed. */
  constructor({ made, ...rules }: MakingRules & { made(slot: KeySlot, stored: StoredKey, readAt: number): LiveKey }) {
    const { counters, joinableFor, now } = rules
    this.#rules = rules
    this.#made = made
    this.#generating = new SharedCalls({
      joinableFor,
      now,
      joined: () => counters.coalesced++,
      finished: ({ key }) => key.release(),
    })
  }

  /** Ends when the key is there that is being added now, or fails with it; undefined where there is none. */
  inserting(slot: KeySlot): Promise<unknown> | undefined {
    return this.#inserts.get(slot.id)
  }

  /**
   * @param newest the key that the new one follows
   * @returns undefined where another process was first.
   * @throws what the KMS or the store throws, `TIMEOUT` at the deadline.
   */
  async make(slot: KeySlot, newest: LiveKey | undefined, deadline: Deadline): Promise<Chosen | undefined> {
    const generation = newest === undefined ? 0 : newest.generation + 1
    if (generation > MAX_GENERATION) {
      throw new EnvelopeError(
        'CANNOT_OPEN',
        `the key ${newest?.id} of the key store has a generation that none can follow: it was altered`,
      )
    }
    const { work } = this.#rules
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
    const inserting = this.#insertAndTell(slot, generation, generated).finally(() => {
      if (this.#inserts.get(slot.id) === inserting) this.#inserts.delete(slot.id)
    })
    this.#inserts.set(slot.id, inserting)
    this.#insertOf.set(generated, inserting)
    return inserting
  }

  async #insertAndTell(slot: KeySlot, generation: number, generated: GeneratedKey): Promise<Inserted> {
    const { store, now, wallClock, work } = this.#rules
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
      const key = this.#made(slot, stored, readAt)
      work.seed(key, { key: own, wrapped: generated.wrapped })
      return { key }
    } finally {
      own.release()
    }
  }
}
