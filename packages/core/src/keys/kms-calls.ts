import { EnvelopeError } from '../errors.ts'
import type { EncryptionContext, KeyProvider } from './key-provider.ts'
import type { KeyCounters } from './key-stats.ts'
import { LoanedKey } from './loaned-key.ts'

/** AES-256. */
const KEY_LENGTH = 32

export interface GeneratedKey {
  readonly key: LoanedKey
  /** Base64. */
  readonly wrapped: string
}

/** The one place where providers are called: what they return is checked and what they throw is classed here. */
export interface KmsCalls {
  generateDataKey(provider: KeyProvider, context: EncryptionContext, signal: AbortSignal): Promise<GeneratedKey>
  unwrap(provider: KeyProvider, wrapped: Uint8Array, context: EncryptionContext, signal: AbortSignal): Promise<LoanedKey>
}

export function createKmsCalls(counters: KeyCounters): KmsCalls {
  return {
    async generateDataKey(provider, context, signal) {
      counters.kmsCalls.generateDataKey++
      const { plaintext, wrapped } = await answer(provider, signal, () => provider.generateDataKey(context, { signal }))
      if (!isKey(plaintext) || !(wrapped instanceof Uint8Array) || wrapped.length === 0) {
        if (plaintext instanceof Uint8Array) plaintext.fill(0)
        throw new EnvelopeError(
          'CONFIG',
          `Key provider ${JSON.stringify(provider.name)} did not return a 32-byte key with its wrapped form; mend the provider`,
        )
      }
      return { key: LoanedKey.own(plaintext), wrapped: base64(wrapped) }
    },
    async unwrap(provider, wrapped, context, signal) {
      counters.kmsCalls.unwrap++
      const plaintext = await answer(provider, signal, () => provider.unwrap(wrapped, context, { signal }))
      if (!isKey(plaintext)) {
        // The KMS key may serve other purposes too: somebody can have put another of its ciphertexts in the place of a wrapped key.
        if (plaintext instanceof Uint8Array) plaintext.fill(0)
        throw new EnvelopeError('CANNOT_OPEN', `What key ${JSON.stringify(provider.name)} unwrapped is not a 32-byte key`)
      }
      return LoanedKey.own(plaintext)
    },
  }
}

async function answer<T>(provider: KeyProvider, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof EnvelopeError) throw error
    const name = JSON.stringify(provider.name)
    throw signal.aborted
      ? new EnvelopeError('TIMEOUT', `Key provider ${name} was aborted at the deadline; try again`, {}, error)
      : new EnvelopeError('UNAVAILABLE', `Key provider ${name} failed; its own error is the cause of this one`, {}, error)
  }
}

function isKey(value: unknown): boolean {
  return value instanceof Uint8Array && value.length === KEY_LENGTH
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
