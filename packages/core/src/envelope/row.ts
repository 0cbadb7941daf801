import type { KeyHandle, SealingKey } from '../keys/contract.ts'
import type { EncryptionContext } from '../keys/key-provider.ts'
import { recordAad } from './aad.ts'
import { KEY_BYTES, NONCE_BYTES, openBytes, sealBytes } from './aead.ts'
import { decodeBase64 } from './base64.ts'
import type { BoundValue, Envelope, SealedRecord } from './contract.ts'
import { buildEnvelope } from './format.ts'
import { decodeRecord, type EncodedRecord } from './record.ts'
import type { RowDeks } from './row-deks.ts'
import type { RowScope } from './row-scope.ts'

/** The random bytes of one sealed row. `dek` and `dekNonce` are not used in direct mode. */
export interface FreshBytes {
  readonly dek: Buffer
  readonly dekNonce: Buffer
  readonly recordNonce: Buffer
}

/** The same in one buffer, to be filled at once. */
export function allocateFreshBytes(): FreshBytes & { readonly all: Buffer } {
  const all = Buffer.alloc(KEY_BYTES + 2 * NONCE_BYTES)
  return {
    all,
    dek: all.subarray(0, KEY_BYTES),
    dekNonce: all.subarray(KEY_BYTES, KEY_BYTES + NONCE_BYTES),
    recordNonce: all.subarray(KEY_BYTES + NONCE_BYTES),
  }
}

/**
 * The envelope of one row. All that is random is an argument, so that frozen vectors can fix it.
 *
 * @param ctx the context that `scope` was made for
 */
export function sealRow(
  record: EncodedRecord,
  binding: readonly BoundValue[],
  scope: RowScope,
  ctx: EncryptionContext | undefined,
  sealingKey: SealingKey,
  fresh: FreshBytes,
): Envelope {
  const { mode, kid, wrapped, stored, key } = sealingKey
  const dek = mode === 'direct' ? key.bytes : fresh.dek
  const aad = recordAad(scope.recordAadPrefix, binding)
  return buildEnvelope({
    kid,
    fs: record.fs,
    ctx,
    wk: stored === undefined ? wrapped : undefined,
    bk: stored,
    dek: mode === 'direct' ? undefined : sealBytes(key.bytes, fresh.dekNonce, fresh.dek, scope.dekAad).toString('base64'),
    ct: sealBytes(dek, fresh.recordNonce, record.plaintext, aad).toString('base64'),
  })
}

/**
 * The record of one row; `undefined` for every reason that it does not open.
 *
 * @param key what the KMS unwrapped: a branch key, or in direct mode the row's DEK
 * @param deks of the operation
 */
export function openRow(
  envelope: Envelope,
  binding: readonly BoundValue[],
  scope: RowScope,
  key: KeyHandle,
  deks: RowDeks,
): SealedRecord | undefined {
  const { bytes } = key
  if (bytes.length !== KEY_BYTES) return undefined
  const aad = recordAad(scope.recordAadPrefix, binding)
  if (envelope.dek === undefined) return openRecord(bytes, envelope, aad)
  const known = deks.find(key, envelope.dek)
  if (known !== undefined) return openRecord(known, envelope, aad)
  const wrappedDek = decodeBase64(envelope.dek)
  const dek = wrappedDek && openBytes(bytes, wrappedDek, scope.dekAad)
  if (dek === undefined) return undefined
  const record = openRecord(dek, envelope, aad)
  if (record === undefined) dek.fill(0)
  else deks.add(key, envelope.dek, dek)
  return record
}

function openRecord(dek: Uint8Array, { ct, fs }: Envelope, aad: Buffer): SealedRecord | undefined {
  const sealed = decodeBase64(ct)
  const plaintext = sealed && openBytes(dek, sealed, aad)
  return plaintext && decodeRecord(plaintext, fs)
}
