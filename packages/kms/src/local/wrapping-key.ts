import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { type EncryptionContext, EnvelopeError, encodeContext } from 'prisma-envelope/keys'

/**
 * ```
 * offset  bytes
 *      0      1  version, 1
 *      1      8  fingerprint of the key
 *      9     12  nonce
 *     21      n  AES-256-GCM ciphertext
 *   21+n     16  tag
 * ```
 * The first 9 bytes and the context (in core's canonical encoding) are authenticated.
 */
const VERSION = 1
const FINGERPRINT_END = 9
const NONCE_END = 21
const TAG_LENGTH = 16

export interface WrappingKey {
  wrap(plaintext: Uint8Array, context: EncryptionContext): Uint8Array
  /** @throws `KEY_UNKNOWN` for another key's bytes, `CANNOT_OPEN` for altered bytes or another context. */
  unwrap(wrapped: Uint8Array, context: EncryptionContext): Uint8Array
}

/**
 * @param secret 32 bytes; zeroed here, so that only Node's opaque key objects hold the key.
 */
export function wrappingKey(secret: Uint8Array): WrappingKey {
  const fingerprint = derive(secret, 'fingerprint').subarray(0, FINGERPRINT_END - 1)
  const key: KeyObject = createSecretKey(derive(secret, 'wrap'))
  secret.fill(0)
  const header = Buffer.concat([Buffer.from([VERSION]), fingerprint])

  return {
    wrap(plaintext, context) {
      const nonce = randomBytes(NONCE_END - FINGERPRINT_END)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.concat([header, encodeContext(context)]))
      return Buffer.concat([header, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
    },
    unwrap(wrapped, context) {
      if (wrapped.length <= NONCE_END + TAG_LENGTH || wrapped[0] !== VERSION) throw unopenable()
      if (!timingSafeEqual(wrapped.subarray(0, FINGERPRINT_END), header)) {
        throw new EnvelopeError(
          'KEY_UNKNOWN',
          'The wrapped key belongs to another local key; restore the key file that wrapped it',
        )
      }
      const decipher = createDecipheriv('aes-256-gcm', key, wrapped.subarray(FINGERPRINT_END, NONCE_END), {
        authTagLength: TAG_LENGTH,
      })
        .setAAD(Buffer.concat([header, encodeContext(context)]))
        .setAuthTag(wrapped.subarray(-TAG_LENGTH))
      const plaintext = new Uint8Array(wrapped.length - NONCE_END - TAG_LENGTH)
      const pooled = decipher.update(wrapped.subarray(NONCE_END, -TAG_LENGTH))
      plaintext.set(pooled)
      pooled.fill(0)
      try {
        decipher.final()
        return plaintext
      } catch {
        plaintext.fill(0)
        throw unopenable()
      }
    },
  }
}

function derive(secret: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `prisma-envelope local key v1: ${purpose}`, 32))
}

function unopenable(): EnvelopeError {
  return new EnvelopeError('CANNOT_OPEN', 'The wrapped key is altered, or was wrapped under another context')
}
