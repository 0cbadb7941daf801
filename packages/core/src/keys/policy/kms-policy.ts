import { EnvelopeError, type EnvelopeErrorCode } from '../../errors.ts'
import type { CallTime } from '../call-time.ts'
import { tellCall } from '../key-events.ts'
import type { KeyProvider } from '../key-provider.ts'
import type { KeyCounters } from '../key-stats.ts'
import { attempt, isConnectionReset, type ProviderCall } from './attempt.ts'
import { CallRate, OutOfCalls } from './call-rate.ts'
import { CallSlots } from './call-slots.ts'
import { CircuitBreaker, type Evidence } from './circuit-breaker.ts'
import { membersOf } from './failover.ts'
import type { KmsLimits } from './kms-limits.ts'
import { abandoned, pause } from './pause.ts'
import { backOff, isTransient } from './retry.ts'

export type KmsOperation = keyof KeyCounters['kmsCalls']

/** What is asked of a KMS. */
interface Ask<T> {
  readonly operation: KmsOperation
  readonly time: CallTime
  readonly call: ProviderCall<T>
  readonly discard: (result: T) => void
  /** Calls made for it so far. */
  attempts: number
}

interface Failed {
  readonly error: EnvelopeError
  /** Milliseconds that the KMS took to fail. */
  readonly took: number
  /** Where no call was made because the breaker is open: milliseconds until it lets one through. */
  readonly opensIn?: number
}

/**
 * What becomes of every KMS call of a client, whatever the adapter: how long it may take, how often it is tried, how many there are at a time and in a
 * second, and when a KMS is left alone.
 *
 * Its clock is that of its timers, `performance.now`: setting the wall clock changes nothing.
 */
export class KmsPolicy {
  readonly #limits: KmsLimits
  readonly #counters: KeyCounters
  readonly #slots: CallSlots
  readonly #rate: CallRate
  readonly #breakers = new WeakMap<KeyProvider, CircuitBreaker>()

  constructor(limits: KmsLimits, counters: KeyCounters) {
    this.#limits = limits
    this.#counters = counters
    this.#slots = new CallSlots(limits.maxConcurrent)
    this.#rate = new CallRate(limits.callsPerSecond, now)
  }

  /**
   * Calls the provider, or those that stand in for it, until one answers or no further attempt could end in time.
   *
   * An operation that comes to open breakers fails at once; one whose own attempts opened them waits for the call that tries again, where that comes in time.
   *
   * @param discard zeroes a result that nobody gets.
   * @throws the KMS's refusal at once, else what the last attempt failed with.
   */
  async call<T>(
    operation: KmsOperation,
    provider: KeyProvider,
    time: CallTime,
    call: ProviderCall<T>,
    discard: (result: T) => void,
  ): Promise<T> {
    const ask: Ask<T> = { operation, time, call, discard, attempts: 0 }
    /** What an attempt of its own failed with tells more than that a breaker is open. */
    let own: EnvelopeError | undefined
    for (let retry = 0; ; retry++) {
      const failures: Failed[] = []
      for (const [place, member] of membersOf(provider).entries()) {
        const outcome = await this.#attempt(ask, member, place)
        if ('result' in outcome) return outcome.result
        if (outcome.error instanceof OutOfCalls || !isTransient(outcome.error)) throw outcome.error
        if (time.signal.aborted) throw abandoned()
        if (outcome.opensIn === undefined) {
          own = outcome.error
          time.failed(own)
        }
        failures.push(outcome)
      }
      const failure = own ?? (failures.at(-1) as Failed).error
      const waits = failures.map(({ opensIn }) => opensIn ?? 0)
      const leftAlone = failures.every(({ opensIn }) => opensIn !== undefined)
      if ((leftAlone && retry === 0) || retry + 1 >= this.#limits.maxAttempts) throw failure
      if (leftAlone) time.close()
      const delay = Math.min(...waits) + backOff(retry)
      // No attempt is begun that, if it takes as long as this one, can't end in time.
      if (delay + Math.max(...failures.map(({ took }) => took)) >= time.left()) throw failure
      this.#counters.retries++
      await pause(delay, time.signal)
    }
  }

  async #attempt<T>(ask: Ask<T>, member: KeyProvider, place: number): Promise<{ readonly result: T } | Failed> {
    const { time } = ask
    const breaker = this.#breakerOf(member, place)
    if (breaker.refuses) return leftAlone(breaker)
    await this.#slots.take(time.signal)
    try {
      await this.#rate.take(time)
      const admission = breaker.enter()
      if (admission === undefined) {
        this.#rate.giveBack()
        return leftAlone(breaker)
      }
      let evidence: Evidence = 'nothing'
      let failure: EnvelopeError | undefined
      const began = now()
      try {
        if (place > 0) this.#counters.failovers++
        const result = await this.#onFreshConnection(ask, member, place)
        evidence = 'answered'
        return { result }
      } catch (error) {
        if (!(error instanceof EnvelopeError)) throw error
        failure = error
        if (error.code === 'THROTTLED' && !(error instanceof OutOfCalls)) this.#counters.throttled++
        if (!time.signal.aborted) evidence = evidenceOf(error)
        return { error, took: now() - began }
      } finally {
        breaker.leave(admission, evidence, failure)
      }
    } catch (error) {
      if (error instanceof EnvelopeError) return { error, took: 0 }
      throw error
    } finally {
      this.#slots.giveBack()
    }
  }

  /** A connection that was lost is made anew at once, and only that attempt tells of the KMS. */
  async #onFreshConnection<T>(ask: Ask<T>, member: KeyProvider, place: number): Promise<T> {
    const { time } = ask
    try {
      return await this.#counted(ask, member, place)
    } catch (error) {
      if (!(error instanceof EnvelopeError && isConnectionReset(error)) || time.signal.aborted) throw error
      this.#counters.retries++
      await this.#rate.take(time)
      return this.#counted(ask, member, place)
    }
  }

  async #counted<T>(ask: Ask<T>, member: KeyProvider, place: number): Promise<T> {
    const { operation, time, call, discard } = ask
    const began = now()
    let code: EnvelopeErrorCode | undefined
    ask.attempts++
    this.#counters.kmsCalls[operation]++
    this.#counters.inFlight++
    try {
      return await attempt(member, call, this.#limits.attemptTimeout, time.signal, discard)
    } catch (error) {
      code = error instanceof EnvelopeError ? error.code : 'UNAVAILABLE'
      throw error
    } finally {
      this.#counters.inFlight--
      tellCall({ keyName: member.name, member: place, operation, attempt: ask.attempts, duration: now() - began, code })
    }
  }

  #breakerOf(member: KeyProvider, place: number): CircuitBreaker {
    let breaker = this.#breakers.get(member)
    if (breaker === undefined) {
      breaker = new CircuitBreaker({ ...this.#limits.breaker, now }, member.name, place)
      this.#breakers.set(member, breaker)
      this.#counters.breakers.push(breaker.stats)
    }
    return breaker
  }
}

function now(): number {
  return performance.now()
}

/** Refusals are answers. Whether the KMS was asked at all before the other codes, nobody knows. */
function evidenceOf(error: EnvelopeError): Evidence {
  const { code } = error
  if (error instanceof OutOfCalls) return 'nothing'
  if (code === 'UNAVAILABLE' || code === 'TIMEOUT') return 'unavailable'
  return code === 'THROTTLED' || code === 'ACCESS_DENIED' || code === 'KEY_DISABLED' ? 'answered' : 'nothing'
}

function leftAlone(breaker: CircuitBreaker): Failed {
  const { key, member } = breaker.stats
  const which = member === 0 ? JSON.stringify(key) : `${JSON.stringify(key)} (number ${member + 1} of its providers)`
  const error = new EnvelopeError(
    'UNAVAILABLE',
    `The KMS failed several times in a row, so that the circuit breaker of the key ${which} is open (kms.breaker); try again later`,
    {},
    breaker.lastFailure,
  )
  return { error, took: 0, opensIn: breaker.opensIn }
}
