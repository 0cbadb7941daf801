import { EnvelopeError } from '../errors.ts'
import type { SealedRecord } from './contract.ts'
import { fieldSet, fieldSetId } from './field-set.ts'
import { MAX_PLAINTEXT_BYTES } from './format.ts'

/** A record's plaintext and its field-set id. */
export interface EncodedRecord {
  readonly fs: string
  readonly plaintext: Buffer
}

/**
 * The record as canonical JSON: keys sorted bytewise, no white space. Written by hand, as `JSON.stringify` puts keys like `"10"` first.
 *
 * @throws EnvelopeError `INVALID_VALUE` where a value is not JSON, or where all values together outgrow what a jsonb string holds
 */
export function encodeRecord(record: SealedRecord): EncodedRecord {
  const { id, identities, prefixes } = fieldSet(Object.keys(record))
  let json = '{'
  for (let i = 0; i < identities.length; i++) {
    const identity = identities[i] as string
    // JSON.stringify returns undefined for what is no JSON value, whatever its type says.
    const value: string | undefined = JSON.stringify(record[identity])
    if (value === undefined) throw new EnvelopeError('INVALID_VALUE', `the value to seal as "${identity}" is not JSON`)
    json += (i === 0 ? '' : ',') + prefixes[i] + value
  }
  const plaintext = Buffer.from(`${json}}`)
  if (plaintext.length > MAX_PLAINTEXT_BYTES) {
    throw new EnvelopeError(
      'INVALID_VALUE',
      `the encrypted values of one row take ${plaintext.length} bytes, more than the ${MAX_PLAINTEXT_BYTES} that a Json column holds once sealed: keep large objects elsewhere`,
    )
  }
  return { fs: id, plaintext }
}

/**
 * The record of an authenticated plaintext; `undefined` where that is not the record of exactly the fields that `fs` names.
 * It inherits from Object.prototype (taking that away costs a tenth of opening a row), so fields are to be looked up by `Object.hasOwn`.
 */
export function decodeRecord(plaintext: Buffer, fs: string): SealedRecord | undefined {
  let record: unknown
  try {
    record = JSON.parse(plaintext.toString())
  } catch {
    return undefined
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return undefined
  if (fieldSetId(Object.keys(record)) !== fs) return undefined
  return record as SealedRecord
}
