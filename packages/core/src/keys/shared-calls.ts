import type { EnvelopeError } from '../errors.ts'
import type { CallTime } from './call-time.ts'
import type { Deadline } from './deadline.ts'

interface Waiter<T> {
  readonly deadline: Deadline
  succeed(result: T): void
  fail(error: unknown): void
}

/** One KMS call and those who wait for it. It is aborted when the last of them has left, never because one of them ran out of time. */
export class SharedCall<T> {
  readonly #waiters = new Set<Waiter<T>>()
  readonly #controller = new AbortController()
  /** How many have ever waited. */
  asked = 0
  #closed = false
  #failure: EnvelopeError | undefined

  /**
   * @param start makes the call.
   * @param finished gets a result after all waiters have had it, and even if nobody waits any more: what it holds must be put away or released.
   * @param over runs once, before the waiters hear of the end.
   */
  constructor(start: (time: CallTime) => Promise<T>, finished: (result: T, asked: number) => void, over: () => void) {
    start(this.#time()).then(
      (result) => {
        over()
        for (const waiter of this.#waiters) waiter.succeed(result)
        finished(result, this.asked)
      },
      (error: unknown) => {
        over()
        for (const waiter of this.#waiters) waiter.fail(error)
      },
    )
    this.#controller.signal.addEventListener('abort', over)
  }

  /** Whether it lets nobody join any more. */
  get closed(): boolean {
    return this.#closed
  }

  /**
   * Resolves with what `take` makes of the result. `take` runs at the moment the result arrives and only if the deadline has not passed,
   * so that what it takes a loan of is neither gone nor left behind.
   */
  wait<R>(deadline: Deadline, take: (result: T) => R): Promise<R> {
    this.asked++
    return new Promise<R>((resolve, reject) => {
      const waiter: Waiter<T> = {
        deadline,
        succeed: (result) => {
          stay()
          try {
            resolve(take(result))
          } catch (error) {
            reject(error)
          }
        },
        fail: (error) => {
          stay()
          reject(error)
        },
      }
      const stay = deadline.onExpiry(() => {
        this.#waiters.delete(waiter)
        reject(this.#failure ?? deadline.error())
        if (this.#waiters.size === 0) this.#controller.abort()
      })
      this.#waiters.add(waiter)
    })
  }

  #time(): CallTime {
    return {
      signal: this.#controller.signal,
      left: () => Math.max(0, ...Array.from(this.#waiters, ({ deadline }) => deadline.left)),
      close: () => {
        this.#closed = true
      },
      failed: (error) => {
        this.#failure = error
      },
    }
  }
}

interface RunningCall<T> {
  readonly call: SharedCall<T>
  /** Position in the order of all calls started. */
  readonly number: number
  readonly startedAt: number
}

export interface SharingRules<T> {
  /** Milliseconds after its start within which others may join a call. A hanging call thus holds up nobody who comes later. */
  readonly joinableFor: number
  /** How many may wait for one call. */
  readonly maxAsked?: number
  readonly now: () => number
  readonly joined: () => void
  readonly finished: (result: T, asked: number, id: string) => void
}

/**
 * Concurrent askers of the same thing share one KMS call.
 *
 * They share its success, but a failure counts only for those who asked before the call began: whoever joined a running call that then
 * fails asks once more, together with all others in that position. So nobody fails by a call that was already hanging or doomed when they
 * came, and a thousand askers of a failing key still make two calls, one after the other, not a thousand.
 */
export class SharedCalls<T> {
  readonly #running = new Map<string, RunningCall<T>>()
  readonly #rules: SharingRules<T>
  #started = 0

  constructor(rules: SharingRules<T>) {
    this.#rules = rules
  }

  /** @throws what `start` rejects with; at the deadline, whatever the call does, what its last attempt failed with, else `TIMEOUT`. */
  async ask<R>(id: string, start: (time: CallTime) => Promise<T>, deadline: Deadline, take: (result: T) => R): Promise<R> {
    const startedBefore = this.#started
    for (;;) {
      if (deadline.expired) throw deadline.error()
      const running = this.#join(id) ?? this.#begin(id, start)
      try {
        return await running.call.wait(deadline, take)
      } catch (error) {
        if (deadline.expired || running.number > startedBefore) throw error
      }
    }
  }

  #join(id: string): RunningCall<T> | undefined {
    const { joinableFor, maxAsked = Infinity, now, joined } = this.#rules
    const running = this.#running.get(id)
    if (running === undefined || running.call.closed || running.call.asked >= maxAsked) return undefined
    if (now() - running.startedAt >= joinableFor) return undefined
    joined()
    return running
  }

  #begin(id: string, start: (time: CallTime) => Promise<T>): RunningCall<T> {
    const { now, finished } = this.#rules
    const call = new SharedCall<T>(
      start,
      (result, asked) => finished(result, asked, id),
      () => {
        if (this.#running.get(id) === running) this.#running.delete(id)
      },
    )
    const running: RunningCall<T> = { call, number: ++this.#started, startedAt: now() }
    this.#running.set(id, running)
    return running
  }
}
