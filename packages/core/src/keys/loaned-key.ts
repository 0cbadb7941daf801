import type { KeyHandle, RowKeys } from './contract.ts'

interface SharedBytes {
  readonly bytes: Uint8Array
  rowKeys: RowKeys | undefined
  loans: number
}

/**
 * Key bytes that several holders share: the cache holds one loan, each operation another. The bytes are zeroed when the last loan is released.
 *
 * Private fields keep the bytes out of `util.inspect`, `JSON.stringify` and structured logs. Zeroing bounds how long a key can be found in a
 * heap dump; copies that the runtime or a KMS client made on the way are out of reach.
 */
export class LoanedKey implements KeyHandle {
  #shared: SharedBytes | undefined

  readonly #kid: string | undefined

  private constructor(shared: SharedBytes, kid?: string) {
    this.#shared = shared
    this.#kid = kid
    shared.loans++
  }

  /** Takes over `bytes`, which nobody else may read or write from here on, as the first loan. */
  static own(bytes: Uint8Array): LoanedKey {
    return new LoanedKey({ bytes, rowKeys: undefined, loans: 0 })
  }

  get bytes(): Uint8Array {
    return this.#held().bytes
  }

  get rowKeys(): RowKeys | undefined {
    return this.#held().rowKeys
  }

  /** Gives every loan of these bytes a place for what they unwrap. */
  keepRowKeys(rowKeys: RowKeys): void {
    this.#held().rowKeys = rowKeys
  }

  get kid(): string | undefined {
    return this.#kid
  }

  /** One more loan of the same bytes, to be released on its own. */
  lend(kid?: string): LoanedKey {
    return new LoanedKey(this.#held(), kid)
  }

  /** A second call does nothing: releasing twice must not take the bytes from another holder. */
  release(): void {
    const shared = this.#shared
    if (shared === undefined) return
    this.#shared = undefined
    shared.loans--
    if (shared.loans === 0) shared.bytes.fill(0)
  }

  #held(): SharedBytes {
    // A released key may be zeroed already, and sealing under 32 zero bytes would look like success.
    if (this.#shared === undefined) throw new Error('A key was used after it was released')
    return this.#shared
  }
}
