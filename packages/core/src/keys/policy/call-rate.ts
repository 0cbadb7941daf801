import { EnvelopeError } from '../../errors.ts'
import type { CallTime } from '../call-time.ts'
import { abandoned } from './pause.ts'

/** Seconds' worth of calls that may go out at once after a quiet time. */
const BURST = 0.1

/** A token bucket: calls beyond the rate wait for their turn, in the order in which they came. */
export class CallRate {
  readonly #perMillisecond: number
  readonly #size: number
  readonly #now: () => number
  readonly #waiting = new Set<() => void>()
  #tokens: number
  #filledAt: number
  #timer: NodeJS.Timeout | undefined

  /** @param now a monotonic clock in milliseconds. */
  constructor(callsPerSecond: number, now: () => number) {
    this.#perMillisecond = callsPerSecond / 1_000
    this.#size = Math.max(1, callsPerSecond * BURST)
    this.#tokens = this.#size
    this.#now = now
    this.#filledAt = now()
  }

  /**
   * Resolves when the caller may make one call.
   *
   * @throws `THROTTLED` at once where its turn comes too late for those who wait, `TIMEOUT` when they leave.
   */
  async take(time: CallTime): Promise<void> {
    if (this.#perMillisecond === Infinity) return
    if (time.signal.aborted) throw abandoned()
    this.#fill()
    if (this.#waiting.size === 0 && this.#tokens >= 1) {
      this.#tokens--
      return
    }
    if (this.#untilTokens(this.#waiting.size + 1) >= time.left()) throw tooBusy(this.#perMillisecond * 1_000)
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(serve)
        reject(abandoned())
      }
      const serve = (): void => {
        time.signal.removeEventListener('abort', leave)
        resolve()
      }
      time.signal.addEventListener('abort', leave, { once: true })
      this.#waiting.add(serve)
      this.#serveLater()
    })
  }

  /** For a call that was not made after all. */
  giveBack(): void {
    this.#tokens++
  }

  #serveLater(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#fill()
      for (const serve of this.#waiting) {
        if (this.#tokens < 1) break
        this.#tokens--
        this.#waiting.delete(serve)
        serve()
      }
      if (this.#waiting.size > 0) this.#serveLater()
    }, this.#untilTokens(1)).unref()
  }

  #fill(): void {
    const now = this.#now()
    this.#tokens = Math.min(this.#size, this.#tokens + (now - this.#filledAt) * this.#perMillisecond)
    this.#filledAt = now
  }

  /** Rounded up, as timers are: woken too early, there would be no token yet. */
  #untilTokens(count: number): number {
    return Math.max(0, Math.ceil((count - this.#tokens) / this.#perMillisecond))
  }
}

/** Not the KMS's word, but as good: asking sooner would spend what other clients of the account need. */
export class OutOfCalls extends EnvelopeError {}

function tooBusy(callsPerSecond: number): OutOfCalls {
  return new OutOfCalls(
    'THROTTLED',
    `More KMS calls are waiting than kms.callsPerSecond (${callsPerSecond}) allows before the deadline; try again later, cache longer, or raise it`,
  )
}
