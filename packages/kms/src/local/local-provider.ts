import { randomBytes } from 'node:crypto'
import { type EncryptionContext, EnvelopeError, type KeyCallOptions, type KeyProvider } from 'prisma-envelope/keys'
import { checkedName } from '../key-name.ts'
import { wrappingKey } from './wrapping-key.ts'

/** A provider whose key never leaves the process. `secret` is 32 bytes, which this function zeroes. */
export function localProvider(name: string, secret: Uint8Array): KeyProvider {
  const checked = checkedName(name)
  const key = wrappingKey(secret)
  return Object.freeze({
    name: checked,
    async generateDataKey(context: EncryptionContext, { signal }: KeyCallOptions = {}) {
      refuseAborted(signal)
      const plaintext = new Uint8Array(randomBytes(32))
      return { plaintext, wrapped: key.wrap(plaintext, context) }
    },
    async wrap(plaintext: Uint8Array, context: EncryptionContext, { signal }: KeyCallOptions = {}) {
      refuseAborted(signal)
      if (plaintext.length === 0) throw new EnvelopeError('CONFIG', 'An empty key can not be wrapped; wrap 32 random bytes')
      return key.wrap(plaintext, context)
    },
    async unwrap(wrapped: Uint8Array, context: EncryptionContext, { signal }: KeyCallOptions = {}) {
      refuseAborted(signal)
      return key.unwrap(wrapped, context)
    },
  })
}

function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new EnvelopeError('TIMEOUT', 'The call was aborted before it began; try again')
}
