import { EnvelopeError } from 'prisma-envelope/keys'

/** A key wrapped by AWS KMS, with the id of the KMS key, which Decrypt must name: AWS's blob does not tell it. */
export interface WrappedKey {
  readonly keyId: string
  readonly blob: Uint8Array
}

/**
 * First byte of the stored form; what follows is the key id, then AWS's blob up to the end.
 *
 * - `UUID`: 16 bytes, the hex digits of a lower-case UUID.
 * - `TEXT`: a length byte and as many ASCII characters, for ids of any other form.
 * - `MULTI_REGION`: 16 bytes, the hex digits behind `mrk-`.
 */
const UUID = 1
const TEXT = 2
const MULTI_REGION = 3

/** Limit of `CiphertextBlob` in the AWS KMS API Reference, Decrypt. */
const MAX_BLOB = 6144

export function encodeWrappedKey({ keyId, blob }: WrappedKey): Uint8Array {
  return Buffer.concat([encodeKeyId(keyId), blob])
}

/** @throws `CANNOT_OPEN` for bytes that `encodeWrappedKey` can't have made. */
export function decodeWrappedKey(wrapped: Uint8Array): WrappedKey {
  const bytes = Buffer.from(wrapped.buffer, wrapped.byteOffset, wrapped.byteLength)
  const { keyId, end } = decodeKeyId(bytes)
  const blob = bytes.subarray(end)
  if (blob.length === 0 || blob.length > MAX_BLOB) throw malformed()
  return { keyId, blob }
}

function encodeKeyId(keyId: string): Buffer {
  if (/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(keyId)) return packed(UUID, keyId.replaceAll('-', ''))
  if (/^mrk-[0-9a-f]{32}$/.test(keyId)) return packed(MULTI_REGION, keyId.slice('mrk-'.length))
  return Buffer.concat([Buffer.from([TEXT, keyId.length]), Buffer.from(keyId, 'latin1')])
}

const packed = (format: number, hex: string): Buffer => Buffer.concat([Buffer.from([format]), Buffer.from(hex, 'hex')])

function decodeKeyId(bytes: Buffer): { keyId: string; end: number } {
  const format = bytes[0]
  if (format === TEXT) {
    const end = 2 + (bytes[1] ?? 0)
    const keyId = bytes.toString('latin1', 2, end)
    // No ':' and no '/': what stands in a database must not name an ARN or an alias.
    if (bytes.length < end || !/^[\w-]+$/.test(keyId)) throw malformed()
    return { keyId, end }
  }
  if ((format !== UUID && format !== MULTI_REGION) || bytes.length < 17) throw malformed()
  const hex = bytes.toString('hex', 1, 17)
  const keyId = format === UUID ? hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5') : `mrk-${hex}`
  return { keyId, end: 17 }
}

function malformed(): EnvelopeError {
  return new EnvelopeError('CANNOT_OPEN', 'The wrapped key is cut short, altered, or was not made by awsKms')
}
