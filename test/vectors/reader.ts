import { createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto'

/**
 * A second reader of envelopes, written from `docs/format.md` alone: it shares no line with the library, so that what both open proves the document.
 * It throws for everything that does not open.
 */
export interface Row {
  readonly table: string
  readonly binding: readonly { readonly column: string; readonly tag: string; readonly value: string | null }[]
  readonly envelope: unknown
}

/** Stands for KMS and key store: unwraps a key, or finds a branch key; throws where it can't. */
export interface KeySource {
  unwrap(kid: string, wrapped: string, context: Record<string, string>): Uint8Array
  branchKey(id: string): Uint8Array
}

export function readEnvelope({ table, binding, envelope }: Row, keys: KeySource): Record<string, unknown> {
  const { kid, fs, ctx = {}, wk, bk, dek, ct } = shape(envelope)
  const kmsContext = { 'prisma-envelope:format': 'v1', 'prisma-envelope:table': table, ...ctx }
  const kmsKey =
    bk !== undefined
      ? keys.branchKey(bk)
      : firstOf<[string, string], Uint8Array>(typeof wk === 'string' ? [[kid, wk]] : (wk ?? []), ([name, wrapped]) =>
          keys.unwrap(name, wrapped, kmsContext),
        )
  const dekAad = cat(lp('prisma-envelope:v1:dek'), lp(table), contextEncoding(ctx))
  const rowKey = dek === undefined ? kmsKey : gcm(kmsKey, base64(dek), dekAad)
  const recordAad = cat(lp('prisma-envelope:v1:record'), lp(table), lp(fs), contextEncoding(ctx), bindingEncoding(binding))
  const record: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(gcm(rowKey, base64(ct), recordAad)))
  if (typeof record !== 'object' || record === null || Array.isArray(record)) throw new Error('not an object')
  if (fieldSetId(Object.keys(record)) !== fs) throw new Error('another field set')
  return record as Record<string, unknown>
}

export function fieldSetId(identities: readonly string[]): string {
  const sorted = identities.map((text) => Buffer.from(text)).sort(Buffer.compare)
  const input = cat(lp('prisma-envelope:v1:fields'), ...sorted.map(lp))
  return createHash('sha256').update(input).digest().subarray(0, 6).toString('base64url')
}

export function token(indexKey: Uint8Array, index: string, normalized: string, scope: Row['binding']): string {
  const id = createHmac('sha256', indexKey)
    .update('prisma-envelope:v1:index-key-id')
    .digest()
    .subarray(0, 3)
    .toString('base64url')
  const nameKey = new Uint8Array(hkdfSync('sha256', indexKey, '', cat(lp('prisma-envelope:v1:token'), lp(index)), 32))
  const mac = createHmac('sha256', nameKey)
    .update(cat(lp(normalized), bindingEncoding(scope)))
    .digest('base64url')
  return `~${id}.${mac}`
}

export function contextEncoding(context: Record<string, string>): Buffer {
  const entries = Object.entries(context).map(([name, value]) => [Buffer.from(name), Buffer.from(value)] as const)
  entries.sort(([a], [b]) => Buffer.compare(a, b))
  return cat(u32(entries.length), ...entries.flatMap(([name, value]) => [lp(name), lp(value)]))
}

export function bindingEncoding(binding: Row['binding']): Buffer {
  const parts = binding.flatMap(({ column, tag, value }) => [
    lp(column),
    Buffer.from(tag),
    value === null ? Buffer.from([0]) : cat(Buffer.from([1]), lp(value)),
  ])
  return cat(u32(binding.length), ...parts)
}

interface Shape {
  readonly kid: string
  readonly fs: string
  readonly ctx?: Record<string, string>
  readonly wk?: string | [string, string][]
  readonly bk?: string
  readonly dek?: string
  readonly ct: string
}

const NAMES = new Set(['v', 'kid', 'fs', 'ctx', 'wk', 'bk', 'dek', 'ct'])

function shape(value: unknown): Shape {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('no object')
  const { v, kid, fs, ctx, wk, bk, dek, ct } = value as Record<string, unknown>
  const isName = (text: unknown) => typeof text === 'string' && /^[A-Za-z0-9._-]{1,32}$/.test(text)
  const isWrapped = (text: unknown) => typeof text === 'string' && text !== '' && text.length <= 8192 && base64(text).length > 0
  const isContextText = (text: unknown) => typeof text === 'string' && text !== '' && !/[\0\p{Cs}]/u.test(text)
  const isContext = (context: unknown) =>
    typeof context === 'object' &&
    context !== null &&
    !Array.isArray(context) &&
    Object.keys(context).length > 0 &&
    Object.keys(context).every((name) => !/^(prisma-envelope|aws:)/i.test(name)) &&
    Object.entries(context).flat().every(isContextText) &&
    Buffer.byteLength(Object.entries(context).flat().join('')) <= 8192
  const isList = (list: unknown) =>
    Array.isArray(list) &&
    list.length >= 2 &&
    list.length <= 16 &&
    list.every((entry) => Array.isArray(entry) && entry.length === 2 && isName(entry[0]) && isWrapped(entry[1])) &&
    list[0][0] === kid &&
    new Set(list.map(([name]) => name)).size === list.length
  const good =
    Object.keys(value).every((name) => NAMES.has(name)) &&
    v === 1 &&
    isName(kid) &&
    typeof fs === 'string' &&
    /^[A-Za-z0-9_-]{8}$/.test(fs) &&
    (ctx === undefined || isContext(ctx)) &&
    (wk === undefined) !== (bk === undefined) &&
    (wk === undefined || isWrapped(wk) || isList(wk)) &&
    (bk === undefined || (typeof bk === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(bk) && dek !== undefined)) &&
    (dek === undefined || (typeof dek === 'string' && base64(dek).length === 60)) &&
    typeof ct === 'string' &&
    base64(ct).length >= 30
  if (!good) throw new Error('not an envelope of version 1')
  return value as Shape
}

function firstOf<T, R>(items: readonly T[], attempt: (item: T) => R): R {
  let failure: unknown
  for (const item of items) {
    try {
      return attempt(item)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

function gcm(key: Uint8Array, sealed: Buffer, aad: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 })
  decipher.setAAD(aad).setAuthTag(sealed.subarray(-16))
  return cat(decipher.update(sealed.subarray(12, -16)), decipher.final())
}

function base64(text: string): Buffer {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$/.test(text))
    throw new Error('not canonical base64')
  return Buffer.from(text, 'base64')
}

function u32(value: number): Buffer {
  return Buffer.from([value >>> 24, value >>> 16, value >>> 8, value])
}

function lp(part: string | Buffer): Buffer {
  const bytes = Buffer.from(part as string)
  return cat(u32(bytes.length), bytes)
}

function cat(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts)
}
