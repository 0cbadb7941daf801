import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto'
import { EnvelopeError, type EnvelopeErrorCode } from '../src/errors.ts'
import type { KeyHandle, Keys, KeyToUnwrap, SealingKey } from '../src/keys/contract.ts'
import type { EncryptionContext } from '../src/keys/key-provider.ts'

/** A key layer for tests: AES-256-GCM in memory stands for the KMS, and every loan is counted. */
export interface TestKeys extends Keys {
  /** Handles lent and not released. */
  readonly onLoan: () => number
  /** Calls of `forOpening`, each with what was asked. */
  readonly asked: (readonly KeyToUnwrap[])[]
  /** Contexts of `forSealing`. */
  readonly sealedUnder: EncryptionContext[]
  /** Answers that a KMS key gives instead of working, by its name. */
  readonly failing: Map<string, EnvelopeErrorCode>
  wrap(kid: string, key: Uint8Array, context: EncryptionContext): string
}

export interface TestKeysOptions {
  readonly seed?: string
  readonly mode?: 'branch' | 'direct'
  /** KMS keys of the keyring; the first seals. */
  readonly names?: readonly string[]
  /** Rows that one branch key seals. */
  readonly maxRows?: number
  /** Ids of the index keys, the current one first. */
  readonly indexIds?: readonly string[]
}

export function createTestKeys(options: TestKeysOptions = {}): TestKeys {
  const { seed = 'seed', mode = 'branch', names = ['pii'], maxRows = 10_000, indexIds = ['AbC-'] } = options
  let loans = 0
  let made = 0
  const asked: (readonly KeyToUnwrap[])[] = []
  const sealedUnder: EncryptionContext[] = []
  const failing = new Map<string, EnvelopeErrorCode>()

  const derive = (label: string): Buffer => Buffer.from(hkdfSync('sha256', seed, '', label, 32))

  function lend(bytes: Buffer): KeyHandle {
    loans++
    let released = false
    return {
      get bytes() {
        if (released) throw new Error('read after release')
        return bytes
      },
      release() {
        if (released) throw new Error('released twice')
        released = true
        loans--
        bytes.fill(0)
      },
    }
  }

  function wrap(kid: string, key: Uint8Array, context: EncryptionContext): string {
    const nonce = createHash('sha256').update(key).digest().subarray(0, 12)
    const cipher = createCipheriv('aes-256-gcm', derive(`kms:${kid}`), nonce).setAAD(encode(context))
    return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]).toString('base64')
  }

  function unwrap({ kid, wrapped, context }: KeyToUnwrap): KeyHandle | EnvelopeError {
    const failure = names.includes(kid) ? failing.get(kid) : 'KEY_UNKNOWN'
    if (failure !== undefined) return new EnvelopeError(failure, `the test KMS says ${failure}`)
    const bytes = Buffer.from(wrapped, 'base64')
    try {
      const decipher = createDecipheriv('aes-256-gcm', derive(`kms:${kid}`), bytes.subarray(0, 12), { authTagLength: 16 })
      decipher.setAAD(encode(context)).setAuthTag(bytes.subarray(-16))
      return lend(Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]))
    } catch {
      return new EnvelopeError('CANNOT_OPEN', 'the test KMS does not unwrap this')
    }
  }

  return {
    onLoan: () => loans,
    asked,
    sealedUnder,
    failing,
    wrap,
    async forSealing({ context, kid = names[0] as string }, rows) {
      sealedUnder.push(context)
      const failure = failing.get(kid)
      if (failure !== undefined) throw new EnvelopeError(failure, `the test KMS says ${failure}`)
      const keys: SealingKey[] = []
      for (let left = rows; left > 0; left -= keys.at(-1)?.rows ?? left) {
        const key = derive(`key ${made++}`)
        const wrapped = wrap(kid, key, context)
        keys.push({ mode, kid, wrapped, key: lend(key), rows: mode === 'direct' ? 1 : Math.min(left, maxRows) })
      }
      return keys
    },
    readyForSealing: () => undefined,
    cached: () => undefined,
    async forOpening(requests) {
      asked.push(requests)
      return requests.map(unwrap)
    },
    async indexKey() {
      return { id: 'AbC-', key: lend(derive('index')) }
    },
    readyIndexKey: () => undefined,
    indexKeyCount: indexIds.length,
    async indexKeys() {
      return indexIds.map((id) => ({ id, key: lend(derive(id === 'AbC-' ? 'index' : `index ${id}`)) }))
    },
    readyIndexKeys: () => undefined,
  }
}

function encode(context: EncryptionContext): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))))
}
