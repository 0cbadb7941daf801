import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import type { EncryptionContext } from './protocol/input.ts'

/**
 * ```
 * offset  bytes
 *      0      4  'LKM1'
 *      4     36  key id in ASCII (a UUID, or 'mrk-' and 32 hex digits: both have 36 characters)
 *     40     84  random filler
 *    124     12  nonce
 *    136      n  AES-256-GCM ciphertext
 *  136+n     16  tag
 * ```
 * The filler makes the overhead 152 bytes, so that a 32-byte key wraps into 184 bytes that compress as badly as AWS's. All
 * of the first 124 bytes is authenticated, together with the encryption context.
 */
const MAGIC = Buffer.from('LKM1')
const ID_END = 40
const HEADER_END = 124
const NONCE_END = 136
const TAG_LENGTH = 16

export function sealBlob(keyId: string, material: KeyObject, plaintext: Uint8Array, context: EncryptionContext): Buffer {
  const header = Buffer.concat([MAGIC, Buffer.from(keyId, 'latin1'), randomBytes(HEADER_END - ID_END)])
  const nonce = randomBytes(NONCE_END - HEADER_END)
  const cipher = createCipheriv('aes-256-gcm', material, nonce).setAAD(additionalData(header, context))
  return Buffer.concat([header, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** The id of the key that made `blob`, or `undefined` where it is no blob of this server. */
export function keyIdOf(blob: Buffer): string | undefined {
  if (blob.length <= NONCE_END + TAG_LENGTH || !blob.subarray(0, MAGIC.length).equals(MAGIC)) return undefined
  return blob.toString('latin1', MAGIC.length, ID_END)
}

/** `undefined` where blob, key and context don't belong together. */
export function openBlob(material: KeyObject, blob: Buffer, context: EncryptionContext): Buffer | undefined {
  const decipher = createDecipheriv('aes-256-gcm', material, blob.subarray(HEADER_END, NONCE_END), { authTagLength: TAG_LENGTH })
    .setAAD(additionalData(blob.subarray(0, HEADER_END), context))
    .setAuthTag(blob.subarray(-TAG_LENGTH))
  const plaintext = decipher.update(blob.subarray(NONCE_END, -TAG_LENGTH))
  try {
    decipher.final()
    return plaintext
  } catch {
    plaintext.fill(0)
    return undefined
  }
}

/**
 * Order of pairs does not matter, everything else does. Length prefixes keep `{ab: 'c'}` apart from `{a: 'bc'}`; UTF-16 keeps
 * strings apart that UTF-8 would merge (lone surrogates).
 */
function additionalData(header: Uint8Array, context: EncryptionContext): Buffer {
  const pairs = Object.entries(context).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Buffer.concat([header, ...pairs.flat().map(prefixed)])
}

function prefixed(text: string): Buffer {
  const encoded = Buffer.from(text, 'utf16le')
  const length = Buffer.alloc(4)
  length.writeUInt32BE(encoded.length)
  return Buffer.concat([length, encoded])
}
