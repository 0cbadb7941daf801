import type { LRUCache } from 'lru-cache'
import { createAgingKeys } from './aging-keys.ts'
import type { CallTime } from './call-time.ts'
import type { KeySource, SealingKey } from './contract.ts'
import type { Deadline } from './deadline.ts'
import type { KeyCounters } from './key-stats.ts'
import type { GeneratedKey } from './kms-calls.ts'
import { MAX_MILLISECONDS, wholeNumber } from './limits.ts'
import type { LoanedKey } from './loaned-key.ts'
import { SharedCalls } from './shared-calls.ts'

export interface BranchLimits {
  /** Rows that one branch key seals at most. Default 10,000. */
  readonly maxRows: number
  /** Milliseconds for which a branch key seals new rows. Default 300,000. */
  readonly maxAge: number
  /** Branch keys in use at the same time: one for each table and context. Default 1000. */
  readonly maxEntries: number
  /** Milliseconds after which a key of the key store gets a successor for new rows. Default 30 days. */
  readonly rotateAfter: number
  /** Rows that one process seals under one key of the key store at most. Default 2^26. */
  readonly maxWraps: number
}

/** NIST SP 800-38D §8.3: at most 2^32 encryptions under one key with random nonces, and each row's DEK is wrapped by one. */
const MAX_WRAPS: number = 2 ** 32

/** In milliseconds. */
const DAY = 86_400_000

/** @throws `CONFIG` */
export function branchLimits(options: Partial<BranchLimits> = {}): BranchLimits {
  const { maxRows = 10_000, maxAge = 300_000, maxEntries = 1000, rotateAfter = 30 * DAY, maxWraps = 2 ** 26 } = options
  return Object.freeze({
    maxRows: wholeNumber('branch.maxRows', maxRows, 1, MAX_WRAPS, " (for a KMS call per row, set wrap to 'direct')"),
    maxAge: wholeNumber('branch.maxAge', maxAge, 1, MAX_MILLISECONDS),
    maxEntries: wholeNumber('branch.maxEntries', maxEntries, 1, 2 ** 24),
    rotateAfter: wholeNumber('branch.rotateAfter', rotateAfter, 1, 36_500 * DAY),
    maxWraps: wholeNumber('branch.maxWraps', maxWraps, 1, MAX_WRAPS),
  })
}

interface ActiveKey {
  readonly key: LoanedKey
  readonly wrapped: string
  rowsLeft: number
}

/** The branch keys under which new rows are sealed: one for each KMS key and context, until it is used up or too old. */
export class BranchKeys {
  readonly #limits: BranchLimits
  readonly #active: LRUCache<string, ActiveKey>
  readonly #calls: SharedCalls<ActiveKey>

  /** @param joinableFor milliseconds after its start within which a running call may be joined. */
  constructor(limits: BranchLimits, joinableFor: number, now: () => number, counters: KeyCounters) {
    this.#limits = limits
    this.#active = createAgingKeys({ ...limits, now, evicted: () => counters.evictions++ })
    this.#calls = new SharedCalls({
      joinableFor,
      now,
      joined: () => counters.coalesced++,
      finished: (active, _asked, id) => {
        if (active.rowsLeft > 0) this.#active.set(id, active)
        else active.key.release()
      },
    })
  }

  /** One key for `rows` rows, where the active one has so many left. */
  takeReady(id: string, kid: string, rows: number): SealingKey | undefined {
    const active = this.#active.get(id)
    if (active === undefined || active.rowsLeft < rows) return undefined
    active.rowsLeft -= rows
    const key = active.key.lend()
    if (active.rowsLeft === 0) this.#active.delete(id)
    return { mode: 'branch', kid, wrapped: active.wrapped, key, rows }
  }

  /**
   * Keys for `rows` rows: what is left of the active key first, then new ones.
   *
   * @param id stands for key name and context.
   * @throws what `generate` rejects with, `TIMEOUT` at the deadline. The rows already counted stay counted.
   */
  async take(
    id: string,
    kid: string,
    rows: number,
    generate: (time: CallTime) => Promise<GeneratedKey>,
    deadline: Deadline,
  ): Promise<readonly SealingKey[]> {
    const taken: SealingKey[] = []
    let missing = rows
    const serve = (active: ActiveKey, source?: KeySource): void => {
      const served = Math.min(missing, active.rowsLeft)
      if (served === 0) return
      active.rowsLeft -= served
      missing -= served
      taken.push({ mode: 'branch', kid, wrapped: active.wrapped, key: active.key.lend(), rows: served, source })
    }
    const activate = async (time: CallTime): Promise<ActiveKey> => ({
      ...(await generate(time)),
      rowsLeft: this.#limits.maxRows,
    })

    try {
      while (missing > 0) {
        const active = this.#active.get(id)
        // A new key serves those who waited for it at once: by the time they run, it could be used up or too old.
        if (active === undefined) await this.#calls.ask(id, activate, deadline, (made) => serve(made, 'generated'))
        else {
          serve(active)
          if (active.rowsLeft === 0) this.#active.delete(id)
        }
      }
    } catch (error) {
      for (const { key } of taken) key.release()
      throw error
    }
    return taken
  }
}
