import { AsyncLocalStorage } from 'node:async_hooks'

interface Lock {
  running: number
  exclusive: boolean
  readonly waiting: (() => void)[]
}

/**
 * Keeps operations of one interactive transaction apart that a caller starts side by side. They share one connection, so that nobody waits for longer;
 * but between the statements of an operation that takes several, rows are not as anybody should see or change them.
 */
export class TransactionLocks {
  readonly #locks = new Map<string, Lock>()
  readonly #held = new AsyncLocalStorage<string>()

  /** Runs what is one statement: beside others of its kind, and at once where nothing else runs alone. */
  async together<T>(transaction: string, run: () => Promise<T>): Promise<T> {
    if (this.#held.getStore() === transaction) return run()
    const lock = this.#lockOf(transaction)
    while (lock.exclusive) await turnOf(lock)
    lock.running += 1
    try {
      return await run()
    } finally {
      lock.running -= 1
      this.#wake(transaction, lock)
    }
  }

  /** Runs what is several statements: alone in its transaction. */
  async alone<T>(transaction: string, run: () => Promise<T>): Promise<T> {
    if (this.#held.getStore() === transaction) return run()
    const lock = this.#lockOf(transaction)
    while (lock.exclusive || lock.running > 0) await turnOf(lock)
    lock.exclusive = true
    try {
      return await this.#held.run(transaction, run)
    } finally {
      lock.exclusive = false
      this.#wake(transaction, lock)
    }
  }

  #lockOf(transaction: string): Lock {
    let lock = this.#locks.get(transaction)
    if (lock === undefined) this.#locks.set(transaction, (lock = { running: 0, exclusive: false, waiting: [] }))
    return lock
  }

  #wake(transaction: string, lock: Lock): void {
    const waiting = lock.waiting.splice(0)
    if (waiting.length === 0 && lock.running === 0 && !lock.exclusive) this.#locks.delete(transaction)
    for (const wake of waiting) wake()
  }
}

function turnOf(lock: Lock): Promise<void> {
  return new Promise((resolve) => {
    lock.waiting.push(resolve)
  })
}
