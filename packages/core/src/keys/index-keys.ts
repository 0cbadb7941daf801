import { EnvelopeError } from '../errors.ts'
import type { IndexKey } from './contract.ts'
import { ConfiguredIndexKey } from './index-key.ts'
import type { Keyring } from './keyring.ts'
import type { KmsCalls } from './kms-calls.ts'

/** Index keys as they stand in the options. */
export interface IndexKeyLines {
  readonly current: string
  readonly others?: readonly string[]
}

/**
 * All index keys under which tokens may stand: while one takes over from another, columns hold tokens of both. Each is unwrapped when it is first
 * needed; to write a token takes the current one alone.
 */
export class ConfiguredIndexKeys {
  readonly #current: ConfiguredIndexKey
  readonly #all: readonly ConfiguredIndexKey[]

  /** @throws `CONFIG` for a line that is malformed or names a key that is not in the keyring, and for two keys of one id. */
  constructor(
    { current, others = [] }: IndexKeyLines,
    keyring: Keyring,
    kms: KmsCalls,
    deadline: number,
    now: () => number,
    joined: () => void,
  ) {
    const configured = (line: string, option: string): ConfiguredIndexKey =>
      new ConfiguredIndexKey(line, option, keyring, kms, deadline, now, joined)
    this.#current = configured(current, 'indexKey.current')
    this.#all = [this.#current, ...others.map((line, i) => configured(line, `indexKey.others[${i}]`))]
    const ids = this.#all.map(({ id }) => id)
    const twice = ids.find((id, i) => ids.indexOf(id) !== i)
    if (twice === undefined) return
    throw new EnvelopeError('CONFIG', `indexKey names the key "${twice}" twice; each may stand in current or in others, once`)
  }

  get count(): number {
    return this.#all.length
  }

  current(): Promise<IndexKey> {
    return this.#current.get()
  }

  readyCurrent(): IndexKey | undefined {
    return this.#current.ready()
  }

  /** The current one first. */
  async all(): Promise<readonly IndexKey[]> {
    const outcomes = await Promise.allSettled(this.#all.map((key) => key.get()))
    const keys = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    if (keys.length === outcomes.length) return keys
    for (const { key } of keys) key.release()
    throw outcomes.find((outcome) => outcome.status === 'rejected')?.reason
  }

  /** The same without waiting; undefined where one was not unwrapped yet. */
  readyAll(): readonly IndexKey[] | undefined {
    const keys = this.#all.flatMap((key) => key.ready() ?? [])
    if (keys.length === this.#all.length) return keys
    for (const { key } of keys) key.release()
    return undefined
  }
}
