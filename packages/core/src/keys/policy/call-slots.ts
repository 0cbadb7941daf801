import { abandoned } from './pause.ts'

/** Bounds how many calls are under way at the same time; who comes first is served first. */
export class CallSlots {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(slots: number) {
    this.#free = slots
  }

  /**
   * Resolves when a slot is the caller's, who must give it back.
   *
   * @throws `TIMEOUT` when `signal` aborts before.
   */
  async take(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw abandoned()
    if (this.#free > 0) {
      this.#free--
      return
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(serve)
        reject(abandoned())
      }
      const serve = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.add(serve)
    })
  }

  giveBack(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#free++
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
