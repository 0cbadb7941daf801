import type { EnvelopeError } from '../../errors.ts'
import { type BreakerState, tellBreaker } from '../key-events.ts'

/** What one breaker has done and where it stands. */
export interface BreakerStats {
  /** Name of the key in the keyring. */
  readonly key: string
  /** Position among the providers of that name: 0, unless there are several to fail over to. */
  readonly member: number
  /** `closed` lets all calls through, `open` none, `half-open` waits for the one that it let through. */
  readonly state: BreakerState
  /** `performance.now()` of the latest change of state; 0 before the first. */
  readonly changedAt: number
  /** How many times it came into each state. */
  readonly opened: number
  readonly halfOpened: number
  readonly closed: number
}

type Counted = { -readonly [Name in keyof BreakerStats]: BreakerStats[Name] }

export interface BreakerRules {
  /** Failures in a row that open it. */
  readonly failures: number
  /** Milliseconds until one call may try again. */
  readonly openFor: number
  /** A monotonic clock in milliseconds. */
  readonly now: () => number
}

/** A call that was let through, by its position among all of them. */
export type Admission = number

/** What a call says of the KMS: it answered, it could not, or nothing. */
export type Evidence = 'answered' | 'unavailable' | 'nothing'

/**
 * Stops asking a KMS key that does not answer: callers fail at once instead of queueing up, and the KMS is left alone while it recovers.
 *
 * Failures count in rounds: calls that were under way when a failure was counted do not count again. Thus fifty calls that a single
 * hiccup ends together are one failure.
 */
export class CircuitBreaker {
  readonly #rules: BreakerRules
  readonly #stats: Counted
  #admitted = 0
  /** Calls before this one tell nothing that is not counted yet. */
  #roundBegins = 0
  #failures = 0
  #openUntil = 0
  #probe: Admission | undefined
  #lastFailure: EnvelopeError | undefined

  constructor(rules: BreakerRules, key: string, member: number) {
    this.#rules = rules
    this.#stats = { key, member, state: 'closed', changedAt: 0, opened: 0, halfOpened: 0, closed: 0 }
  }

  get stats(): BreakerStats {
    return this.#stats
  }

  /** The failure that counted last. */
  get lastFailure(): EnvelopeError | undefined {
    return this.#lastFailure
  }

  /** Milliseconds until a call could be let through; 0 where one could be now, or where one is on its way whose end decides. */
  get opensIn(): number {
    return this.#stats.state === 'open' ? Math.max(0, this.#openUntil - this.#rules.now()) : 0
  }

  /** Whether {@link CircuitBreaker.enter} would refuse. */
  get refuses(): boolean {
    return this.#stats.state === 'half-open' || this.opensIn > 0
  }

  /** @returns undefined for a call that must not be made; else its end must be told to {@link CircuitBreaker.leave}. */
  enter(): Admission | undefined {
    if (this.refuses) return undefined
    const admission = this.#admitted++
    if (this.#stats.state === 'open') {
      this.#probe = admission
      this.#become('half-open')
      this.#stats.halfOpened++
    }
    return admission
  }

  leave(admission: Admission, evidence: Evidence, failure?: EnvelopeError): void {
    if (evidence === 'unavailable') this.#lastFailure = failure
    if (this.#probe === admission) this.#endProbe(evidence)
    else if (this.#stats.state === 'closed') this.#count(admission, evidence)
  }

  #endProbe(evidence: Evidence): void {
    this.#probe = undefined
    if (evidence === 'unavailable') return this.#open(this.#rules.openFor)
    if (evidence === 'nothing') return this.#open(0)
    this.#failures = 0
    this.#roundBegins = this.#admitted
    this.#become('closed')
    this.#stats.closed++
  }

  #count(admission: Admission, evidence: Evidence): void {
    if (evidence === 'answered') this.#failures = 0
    if (evidence !== 'unavailable' || admission < this.#roundBegins) return
    this.#roundBegins = this.#admitted
    this.#failures++
    if (this.#failures >= this.#rules.failures) this.#open(this.#rules.openFor)
  }

  #open(milliseconds: number): void {
    this.#openUntil = this.#rules.now() + milliseconds
    this.#become('open')
    this.#stats.opened++
  }

  #become(state: BreakerStats['state']): void {
    const { key, member, state: previous } = this.#stats
    this.#stats.state = state
    this.#stats.changedAt = this.#rules.now()
    if (state !== previous) tellBreaker({ keyName: key, member, state, previous })
  }
}
