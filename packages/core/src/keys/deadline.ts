import { EnvelopeError } from '../errors.ts'

/** Default for the KMS work of one operation, in milliseconds. */
export const DEFAULT_DEADLINE = 5_000

/**
 * The time that one operation gives to all its KMS work together. It starts to run at the first wait, so that an operation that is
 * served from the cache sets no timer.
 */
export class Deadline {
  readonly #milliseconds: number
  readonly #unreferenced: boolean
  readonly #waiting = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined
  #expired = false
  #endsAt: number | undefined

  /** @param options `unreferenced`: for work that must not keep the process alive. */
  constructor(milliseconds: number, options: { readonly unreferenced?: boolean } = {}) {
    this.#milliseconds = milliseconds
    this.#unreferenced = options.unreferenced === true
  }

  get expired(): boolean {
    return this.#expired
  }

  /** Milliseconds. */
  get left(): number {
    if (this.#expired) return 0
    return this.#endsAt === undefined ? this.#milliseconds : Math.max(0, this.#endsAt - performance.now())
  }

  error(): EnvelopeError {
    return new EnvelopeError(
      'TIMEOUT',
      `The KMS did not answer within ${this.#milliseconds} ms; try again, and check that the KMS can be reached from here`,
    )
  }

  /** Runs `callback` when time is up, unless the function returned is called before. */
  onExpiry(callback: () => void): () => void {
    if (this.#expired) queueMicrotask(callback)
    else this.#start()
    this.#waiting.add(callback)
    return () => this.#waiting.delete(callback)
  }

  /** Ends all waiting now: the operation has failed already. */
  expire(): void {
    this.#expired = true
    this.clear()
    for (const callback of this.#waiting) callback()
    this.#waiting.clear()
  }

  clear(): void {
    clearTimeout(this.#timer)
  }

  #start(): void {
    if (this.#timer !== undefined) return
    this.#endsAt = performance.now() + this.#milliseconds
    this.#timer = setTimeout(() => this.expire(), this.#milliseconds)
    if (this.#unreferenced) this.#timer.unref()
  }
}
