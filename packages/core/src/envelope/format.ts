import { decodeBase64 } from './base64.ts'
import type { Envelope } from './contract.ts'

/** An envelope of which every type and length was checked. Says nothing of authenticity. */
export interface ParsedEnvelope {
  readonly envelope: Envelope
  /** The key that the KMS wrapped, once for each KMS key; empty where `bk` names it instead. */
  readonly wrapped: readonly WrappedKey[]
}

export type WrappedKey = readonly [kid: string, wrapped: string]

const KEY_NAME = /^[A-Za-z0-9._-]{1,32}$/
const BRANCH_KEY_ID = /^[A-Za-z0-9._-]{1,64}$/
const FIELD_SET = /^[A-Za-z0-9_-]{8}$/
const SURROGATE = /\p{Surrogate}/u

/** AWS KMS wraps into at most 6,144 bytes; an adapter may add a header. */
const MAX_WRAPPED_CHARACTERS = 8192
const MAX_WRAPPED_KEYS = 16
/** What AWS KMS allows a whole encryption context. */
const MAX_CONTEXT_BYTES = 8192
/** Names of the library's own part of the KMS encryption context, and of AWS's. */
const RESERVED_CONTEXT = /^(prisma-envelope|aws:)/i

const NONCE_AND_TAG_BYTES = 28
/** Base64 of nonce, 32 bytes and tag. */
const DEK_CHARACTERS = 80
/** Base64 of nonce, the record `{}` and tag. */
const MIN_CT_CHARACTERS = 40
/** PostgreSQL's limit of a string within jsonb. */
const MAX_CT_CHARACTERS = 0x0fffffff
/** The longest record whose `ct` a jsonb column takes. */
export const MAX_PLAINTEXT_BYTES: number = Math.floor(MAX_CT_CHARACTERS / 4) * 3 - NONCE_AND_TAG_BYTES

/**
 * Reads a column value as an envelope of version 1 (`docs/format.md`, "Envelope"); `undefined` for everything else. A reader must not guess at what it
 * does not know: an unknown property, like an unknown version, makes the envelope unreadable. The alphabet of `dek` and `ct` is judged by who decodes them.
 */
export function parseEnvelope(value: unknown): ParsedEnvelope | undefined {
  if (!isObject(value)) return undefined
  let known = false
  let kid: string | undefined
  let fs: string | undefined
  let ctx: Readonly<Record<string, string>> | undefined
  let wk: Envelope['wk']
  let bk: string | undefined
  let dek: string | undefined
  let ct: string | undefined
  for (const name of Object.keys(value)) {
    const part = value[name]
    switch (name) {
      case 'v':
        if (part !== 1) return undefined
        known = true
        break
      case 'kid':
        if (!isKeyName(part)) return undefined
        kid = part
        break
      case 'fs':
        if (typeof part !== 'string' || !FIELD_SET.test(part)) return undefined
        fs = part
        break
      case 'ctx':
        if (!isContext(part) || Object.keys(part).length === 0) return undefined
        ctx = part
        break
      case 'wk':
        if (!isWrapped(part) && !isWrappedList(part)) return undefined
        wk = part
        break
      case 'bk':
        if (!isBranchKeyId(part)) return undefined
        bk = part
        break
      case 'dek':
        if (typeof part !== 'string' || part.length !== DEK_CHARACTERS) return undefined
        dek = part
        break
      case 'ct':
        if (typeof part !== 'string' || part.length < MIN_CT_CHARACTERS || part.length > MAX_CT_CHARACTERS) return undefined
        ct = part
        break
      default:
        return undefined
    }
  }
  if (!known || kid === undefined || fs === undefined || ct === undefined) return undefined
  if ((wk === undefined) === (bk === undefined)) return undefined
  if (bk !== undefined && dek === undefined) return undefined
  const wrapped = wrappedKeys(kid, wk)
  if (wrapped[0] !== undefined && wrapped[0][0] !== kid) return undefined
  return { envelope: buildEnvelope({ kid, fs, ctx, wk, bk, dek, ct }), wrapped }
}

/** An envelope whose properties stand in the order of the format; those that are `undefined` stay out. */
export function buildEnvelope(parts: {
  readonly kid: string
  readonly fs: string
  readonly ctx: Readonly<Record<string, string>> | undefined
  readonly wk: Envelope['wk']
  readonly bk?: string | undefined
  readonly dek: string | undefined
  readonly ct: string
}): Envelope {
  const { kid, fs, ctx, wk, bk, dek, ct } = parts
  // Almost every row: spreading what is not there would cost more than all else here.
  if (ctx === undefined && wk !== undefined && bk === undefined && dek !== undefined) return { v: 1, kid, fs, wk, dek, ct }
  return {
    v: 1,
    kid,
    fs,
    ...(ctx === undefined ? undefined : { ctx }),
    ...(wk === undefined ? undefined : { wk }),
    ...(bk === undefined ? undefined : { bk }),
    ...(dek === undefined ? undefined : { dek }),
    ct,
  }
}

/** The name of a KMS key in the keyring. */
export function isKeyName(value: unknown): value is string {
  return typeof value === 'string' && KEY_NAME.test(value)
}

/** The id of a branch key in the key store. */
export function isBranchKeyId(value: unknown): value is string {
  return typeof value === 'string' && BRANCH_KEY_ID.test(value)
}

/**
 * A user's encryption context that an envelope can carry and a KMS takes: names and values not empty, no reserved name, nothing that jsonb would refuse
 * (U+0000) or that has no UTF-8 (lone surrogates).
 */
export function isContext(value: unknown): value is Readonly<Record<string, string>> {
  if (!isObject(value)) return false
  let bytes = 0
  for (const name of Object.keys(value)) {
    const text = value[name]
    if (!isContextText(name) || !isContextText(text) || RESERVED_CONTEXT.test(name)) return false
    bytes += Buffer.byteLength(name) + Buffer.byteLength(text)
    if (bytes > MAX_CONTEXT_BYTES) return false
  }
  return true
}

function isContextText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\0') && !SURROGATE.test(value)
}

/** Rows of one branch key repeat its wrapped form, 272 characters with AWS: the last good one needs no second look. */
let lastWrapped: string | undefined

/** One wrapped key as base64. */
export function isWrapped(value: unknown): value is string {
  if (typeof value !== 'string') return false
  if (value === lastWrapped) return true
  if (value.length === 0 || value.length > MAX_WRAPPED_CHARACTERS || decodeBase64(value) === undefined) return false
  lastWrapped = value
  return true
}

function isWrappedList(value: unknown): value is readonly WrappedKey[] {
  if (!Array.isArray(value) || value.length < 2 || value.length > MAX_WRAPPED_KEYS) return false
  const names = new Set<unknown>()
  for (const entry of value as readonly unknown[]) {
    if (!Array.isArray(entry) || entry.length !== 2 || !isKeyName(entry[0]) || !isWrapped(entry[1])) return false
    names.add(entry[0])
  }
  return names.size === value.length
}

let lastKeys: readonly [WrappedKey] | undefined

function wrappedKeys(kid: string, wk: Envelope['wk']): readonly WrappedKey[] {
  if (wk === undefined) return []
  if (typeof wk !== 'string') return wk
  if (lastKeys === undefined || lastKeys[0][1] !== wk || lastKeys[0][0] !== kid) lastKeys = [[kid, wk]]
  return lastKeys
}

/** Own properties are all that is ever read of it, so its prototype may be anybody's: test runners give `JSON.parse` another realm. */
function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
