import { createCipheriv, createDecipheriv } from 'node:crypto'

export const KEY_BYTES = 32
/** NIST SP 800-38D §5.2.1.1 recommends 96 bits: other lengths are hashed first and collide sooner. */
export const NONCE_BYTES = 12
/** Node would accept shorter tags on opening unless told the length. */
const TAG_BYTES = 16

const ALGORITHM = 'aes-256-gcm'
const OPTIONS = { authTagLength: TAG_BYTES }

/**
 * AES-256-GCM (NIST SP 800-38D): nonce ‖ ciphertext ‖ tag.
 *
 * @param nonce must never have been used with this key
 */
export function sealBytes(key: Uint8Array, nonce: Buffer, plaintext: Buffer, aad: Buffer): Buffer {
  const cipher = createCipheriv(ALGORITHM, key, nonce, OPTIONS)
  cipher.setAAD(aad)
  const ciphertext = cipher.update(plaintext)
  cipher.final()
  const sealed = Buffer.allocUnsafe(NONCE_BYTES + ciphertext.length + TAG_BYTES)
  nonce.copy(sealed)
  ciphertext.copy(sealed, NONCE_BYTES)
  cipher.getAuthTag().copy(sealed, NONCE_BYTES + ciphertext.length)
  return sealed
}

/**
 * The reverse of {@link sealBytes}; `undefined` where the tag does not fit.
 *
 * @param sealed at least nonce and tag long
 */
export function openBytes(key: Uint8Array, sealed: Buffer, aad: Buffer): Buffer | undefined {
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_BYTES), OPTIONS)
  decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  const plaintext = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES))
  try {
    decipher.final()
  } catch {
    return undefined
  }
  return plaintext
}
