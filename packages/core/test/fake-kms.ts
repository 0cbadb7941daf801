import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { EnvelopeError } from '../src/errors.ts'
import { encodeContext } from '../src/keys/context.ts'
import type { DataKey, EncryptionContext, KeyCallOptions, KeyProvider } from '../src/keys/key-provider.ts'

/** A KMS in memory: real AES-256-GCM with the context as AAD, calls that are counted, and a hook to hold up or fail them. */
export interface FakeKms extends KeyProvider {
  readonly calls: { generateDataKey: number; wrap: number; unwrap: number }
  /** Every plaintext key it has handed out: the very arrays, so that a test can see them zeroed. */
  readonly handedOut: Uint8Array[]
  /** Calls under way at the same time, at most. */
  readonly peak: number
  /** Runs inside every call: wait in it to be slow, throw in it to fail. */
  during: (signal: AbortSignal | undefined) => Promise<void>
  /** As `wrap`, without a call. */
  wrapUncounted(plaintext: Uint8Array, context: EncryptionContext): Uint8Array
  /** The same key, with calls and troubles of its own. */
  inAnotherRegion(): FakeKms
}

export function fakeKms(name = 'pii', traits: { insecure?: true } = {}, masterKey: Buffer = randomBytes(32)): FakeKms {
  let running = 0
  let peak = 0

  async function call<T>(operation: 'generateDataKey' | 'wrap' | 'unwrap', options: KeyCallOptions, work: () => T): Promise<T> {
    kms.calls[operation]++
    peak = Math.max(peak, ++running)
    try {
      await kms.during(options.signal)
      return work()
    } finally {
      running--
    }
  }

  function wrap(plaintext: Uint8Array, context: EncryptionContext): Uint8Array {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', masterKey, nonce).setAAD(encodeContext(context))
    return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  }

  function unwrap(wrapped: Uint8Array, context: EncryptionContext): Uint8Array {
    const decipher = createDecipheriv('aes-256-gcm', masterKey, wrapped.subarray(0, 12), { authTagLength: 16 })
    try {
      decipher.setAAD(encodeContext(context)).setAuthTag(wrapped.subarray(-16))
      return handOut(Uint8Array.from(Buffer.concat([decipher.update(wrapped.subarray(12, -16)), decipher.final()])))
    } catch (error) {
      throw new EnvelopeError('CANNOT_OPEN', 'The wrapped key does not open', {}, error)
    }
  }

  function handOut(key: Uint8Array): Uint8Array {
    kms.handedOut.push(key)
    return key
  }

  const kms: FakeKms = {
    name,
    ...traits,
    calls: { generateDataKey: 0, wrap: 0, unwrap: 0 },
    handedOut: [],
    get peak() {
      return peak
    },
    during: () => Promise.resolve(),
    inAnotherRegion: () => fakeKms(name, traits, masterKey),
    generateDataKey: (context, options = {}) =>
      call('generateDataKey', options, (): DataKey => {
        const plaintext = handOut(Uint8Array.from(randomBytes(32)))
        return { plaintext, wrapped: wrap(plaintext, context) }
      }),
    wrap: (plaintext, context, options = {}) => call('wrap', options, () => wrap(plaintext, context)),
    wrapUncounted: wrap,
    unwrap: (wrapped, context, options = {}) => call('unwrap', options, () => unwrap(wrapped, context)),
  }
  return kms
}

/** A wrapped key as an envelope would hold it, made without counting a call. */
export async function wrappedKey(kms: FakeKms, context: EncryptionContext, bytes: Uint8Array = randomBytes(32)): Promise<string> {
  return Buffer.from(kms.wrapUncounted(bytes, context)).toString('base64')
}

/** A promise to be settled from outside. */
export function gate(): { readonly passed: Promise<void>; open(): void; fail(error: unknown): void } {
  let open!: () => void
  let fail!: (error: unknown) => void
  const passed = new Promise<void>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { passed, open, fail }
}
