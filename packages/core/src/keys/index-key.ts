import { createHmac } from 'node:crypto'
import { EnvelopeError } from '../errors.ts'
import type { CallTime } from './call-time.ts'
import { indexContext } from './context.ts'
import type { IndexKey } from './contract.ts'
import { DEFAULT_DEADLINE, Deadline } from './deadline.ts'
import type { KeyProvider } from './key-provider.ts'
import { createCounters } from './key-stats.ts'
import { createKeyring, type Keyring, type KeyringOptions } from './keyring.ts'
import { defaultKmsCalls, type KmsCalls } from './kms-calls.ts'
import type { LoanedKey } from './loaned-key.ts'
import { SharedCall, SharedCalls } from './shared-calls.ts'

/** An index key as it stands in the configuration: `pei1.<id>.<kid>.<base64url of the wrapped key>`. */
export interface WrappedIndexKey {
  readonly id: string
  readonly kid: string
  readonly wrapped: Uint8Array
}

const LINE = /^pei1\.(?<id>[A-Za-z0-9_-]{4})\.(?<kid>[A-Za-z0-9._-]{1,32})\.(?<wrapped>[A-Za-z0-9_-]+)$/

/**
 * Makes the 32-byte key of all blind-index tokens, wrapped by `keys.current`: one printable line for `indexKey.current` of the options.
 * It is no secret without the KMS, but must not be lost: without it no searchable field can be searched.
 *
 * @throws `CONFIG` as `createKeyring` does, the codes of {@link KeyProvider} from the KMS, `TIMEOUT` after 5 s.
 */
export async function createIndexKey(keys: KeyringOptions): Promise<string> {
  const provider = createKeyring(keys).current
  const kms = defaultKmsCalls(createCounters(), DEFAULT_DEADLINE)
  const deadline = new Deadline(DEFAULT_DEADLINE)
  const call = new SharedCall(
    (time) => kms.generateDataKey(provider, indexContext, time),
    ({ key }) => key.release(),
    () => {},
  )
  try {
    return await call.wait(deadline, ({ key, wrapped }) => {
      return `pei1.${indexKeyId(key.bytes)}.${provider.name}.${Buffer.from(wrapped, 'base64').toString('base64url')}`
    })
  } finally {
    deadline.clear()
  }
}

/**
 * @param option where the line stands in the options.
 * @throws `CONFIG` if `line` is not, character for character, what {@link createIndexKey} returned.
 */
export function parseIndexKey(line: string, option = 'indexKey.current'): WrappedIndexKey {
  const { id, kid, wrapped } = (typeof line === 'string' ? LINE.exec(line)?.groups : undefined) ?? {}
  if (id !== undefined && kid !== undefined && wrapped !== undefined) {
    const bytes = Buffer.from(wrapped, 'base64url')
    if (bytes.toString('base64url') === wrapped) return { id, kid, wrapped: bytes }
  }
  throw new EnvelopeError(
    'CONFIG',
    `${option} is not an index key ("pei1.…"); give the whole line that createIndexKey(keys) returned, without white space`,
  )
}

/** First 3 bytes of HMAC-SHA-256(key, "prisma-envelope:v1:index-key-id"), in base64url: 4 characters. */
export function indexKeyId(key: Uint8Array): string {
  return createHmac('sha256', key).update('prisma-envelope:v1:index-key-id').digest().subarray(0, 3).toString('base64url')
}

/**
 * An index key, unwrapped at first use.
 *
 * Unlike every other key it stays in memory for as long as the process runs: each search and each write of a searchable field needs it, so
 * an age limit would only add KMS calls. Taking it away from a process means restarting the process.
 */
export class ConfiguredIndexKey {
  readonly #provider: KeyProvider
  readonly #configured: WrappedIndexKey
  readonly #option: string
  readonly #kms: KmsCalls
  readonly #calls: SharedCalls<LoanedKey>
  readonly #deadline: number
  #key: LoanedKey | undefined

  /**
   * @param option where the line stands in the options.
   * @throws `CONFIG` if `line` is malformed or names a key that is not in the keyring.
   */
  constructor(
    line: string,
    option: string,
    keyring: Keyring,
    kms: KmsCalls,
    deadline: number,
    now: () => number,
    joined: () => void,
  ) {
    this.#configured = parseIndexKey(line, option)
    this.#option = option
    const { kid } = this.#configured
    if (!keyring.names.includes(kid)) {
      throw new EnvelopeError('CONFIG', `${option} is wrapped by the key "${kid}"; add its provider to keys.others`)
    }
    this.#provider = keyring.provider(kid)
    this.#kms = kms
    this.#deadline = deadline
    this.#calls = new SharedCalls({
      joinableFor: deadline,
      now,
      joined,
      finished: (key) => {
        if (this.#key === undefined) this.#key = key
        else key.release()
      },
    })
  }

  get id(): string {
    return this.#configured.id
  }

  /** @throws `CONFIG` if it does not open, the codes of {@link KeyProvider}, `TIMEOUT`. A failure is not remembered. */
  async get(): Promise<IndexKey> {
    const { id } = this.#configured
    const ready = this.ready()
    if (ready !== undefined) return ready
    const deadline = new Deadline(this.#deadline)
    try {
      return await this.#calls.ask(
        id,
        (time) => this.#unwrap(time),
        deadline,
        (key) => ({ id, key: key.lend() }),
      )
    } finally {
      deadline.clear()
    }
  }

  /** The key, where it was unwrapped before. */
  ready(): IndexKey | undefined {
    return this.#key === undefined ? undefined : { id: this.#configured.id, key: this.#key.lend() }
  }

  async #unwrap(time: CallTime): Promise<LoanedKey> {
    const { id, kid, wrapped } = this.#configured
    let key: LoanedKey
    try {
      key = await this.#kms.unwrap(this.#provider, wrapped, indexContext, time)
    } catch (error) {
      if (error instanceof EnvelopeError && (error.code === 'CANNOT_OPEN' || error.code === 'CONTEXT_MISMATCH')) {
        throw notOurs(this.#option, `the key "${kid}" does not open it`, error)
      }
      throw error
    }
    if (indexKeyId(key.bytes) === id) return key
    key.release()
    throw notOurs(this.#option, `its id "${id}" belongs to another key`)
  }
}

function notOurs(option: string, reason: string, cause?: EnvelopeError): EnvelopeError {
  return new EnvelopeError(
    'CONFIG',
    `${option} was altered or mixed up: ${reason}; restore the line that createIndexKey(keys) returned`,
    {},
    cause,
  )
}
