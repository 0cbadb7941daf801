import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { EnvelopeError } from '../errors.ts'
import { encodeBinding } from './aad.ts'
import type { BoundValue, Tokenizer } from './contract.ts'
import { lp } from './length-prefix.ts'
import { normalize } from './normalize.ts'

/** Length of every token, in characters: a column that holds them must take as many. */
export const TOKEN_LENGTH = 49

const LABEL = lp('prisma-envelope:v1:token')
const NO_SALT = Buffer.alloc(0)
/** Node's limit of `info`, for HKDF's. */
const MAX_INFO_BYTES = 1024
/** The last of 43 characters carries 4 bits; its other 2 are zero. */
const TOKEN = /^~[A-Za-z0-9_-]{4}\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** Whether a text has the shape of a token. Says nothing of whose it is. */
export function isToken(value: unknown): value is string {
  return typeof value === 'string' && TOKEN.test(value)
}

/**
 * Tokens under one index key. Holds the key as a `KeyObject`, outside of the JavaScript heap, and the key of each index once derived.
 *
 * @param id 4 characters of base64url, the index key's id
 */
export function createTokenizer(id: string, indexKey: KeyObject): Tokenizer {
  const nameKeys = new Map<string, KeyObject>()

  function nameKey(index: string): KeyObject {
    const known = nameKeys.get(index)
    if (known !== undefined) return known
    const derived = deriveNameKey(indexKey, index)
    nameKeys.set(index, derived)
    return derived
  }

  return {
    token(search, value, scope) {
      return `~${id}.${mac(nameKey(search.index), normalize(value, search.normalize), scope)}`
    },
    normalized: (search, value) => normalize(value, search.normalize),
  }
}

/**
 * HKDF-SHA-256 (RFC 5869) of the index key for one index name, without salt: the index key is uniformly random already.
 *
 * @throws EnvelopeError `CONFIG` where the name is too long
 */
export function deriveNameKey(indexKey: KeyObject, index: string): KeyObject {
  const info = Buffer.concat([LABEL, lp(index)])
  if (info.length > MAX_INFO_BYTES) {
    throw new EnvelopeError(
      'CONFIG',
      `the index name of ${index.length} characters is too long: give it a shorter one with \`index:\``,
    )
  }
  const bytes = Buffer.from(hkdfSync('sha256', indexKey, NO_SALT, info, 32))
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

function mac(key: KeyObject, normalized: string, scope: readonly BoundValue[]): string {
  return createHmac('sha256', key)
    .update(Buffer.concat([lp(normalized), encodeBinding(scope)]))
    .digest('base64url')
}
