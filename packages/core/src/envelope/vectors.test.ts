import { createSecretKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import * as reader from '../../../../test/vectors/reader.ts'
import { EnvelopeError } from '../errors.ts'
import { rowContext, sameContext } from '../keys/context.ts'
import type { Keys } from '../keys/contract.ts'
import { indexKeyId } from '../keys/index-key.ts'
import type { EncryptionContext } from '../keys/key-provider.ts'
import type { Normalization } from '../plan.ts'
import { encodeBinding, recordAad } from './aad.ts'
import type { BoundValue, Envelope, SealedRecord } from './contract.ts'
import { buildEnvelope } from './format.ts'
import { normalize } from './normalize.ts'
import { encodeRecord } from './record.ts'
import { sealRow } from './row.ts'
import { createRowCipher } from './row-cipher.ts'
import { createRowScopes } from './row-scope.ts'
import { createTokenizer, deriveNameKey, isToken } from './token.ts'

interface KmsEntry {
  readonly kid: string
  readonly wrapped: string
  readonly context: EncryptionContext
  readonly key: string
}

interface Case {
  readonly name: string
  readonly table: string
  readonly binding: readonly BoundValue[]
  readonly kms: readonly KmsEntry[]
  readonly keyStore?: readonly { readonly bk: string; readonly key: string }[]
}

interface GoodCase extends Case {
  readonly record: SealedRecord
  readonly ctx?: EncryptionContext
  readonly dek: string
  readonly dekNonce?: string
  readonly recordNonce: string
  readonly expected: {
    readonly fs: string
    readonly plaintext: string
    readonly binding: string
    readonly dekAad?: string
    readonly recordAad: string
    readonly envelope: Envelope
  }
}

interface BadCase extends Case {
  readonly envelope: unknown
  readonly expected: string
}

interface TokenCase {
  readonly name: string
  readonly indexKey: string
  readonly indexKeyId: string
  readonly index: string
  readonly nameKey: string
  readonly value: string
  readonly normalize: readonly Normalization[]
  readonly normalized: string
  readonly scope: readonly BoundValue[]
  readonly expected: string
}

interface NormalizeCase {
  readonly name: string
  readonly value: string
  readonly normalize: readonly Normalization[]
  readonly expected: string
}

function load(file: string): unknown {
  const url = new URL(`../../../../test/vectors/v1/${file}`, import.meta.url)
  return (JSON.parse(readFileSync(url, 'utf8')) as { cases: unknown }).cases
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex')
const scopeOf = createRowScopes()

/** A key layer that knows what a case lists, and nothing else. */
function keysOf({ kms, keyStore = [] }: Case): Keys {
  return {
    forSealing: () => Promise.reject(new Error('not here')),
    readyForSealing: () => undefined,
    cached: () => undefined,
    indexKey: () => Promise.reject(new Error('not here')),
    readyIndexKey: () => undefined,
    indexKeyCount: 0,
    indexKeys: () => Promise.reject(new Error('not here')),
    readyIndexKeys: () => undefined,
    forOpening: async (requests) =>
      requests.map(({ kid, wrapped, context, stored }) => {
        const branchKey = keyStore.find(({ bk }) => bk === stored)
        if (branchKey !== undefined) return { bytes: hex(branchKey.key), release: () => {} }
        const known = kms.filter((entry) => entry.kid === kid)
        const fitting = known.find((entry) => entry.wrapped === wrapped && sameContext(entry.context, context))
        if (fitting !== undefined) return { bytes: hex(fitting.key), release: () => {} }
        return new EnvelopeError(known.length === 0 ? 'KEY_UNKNOWN' : 'CANNOT_OPEN', 'the KMS of the test refuses')
      }),
  }
}

function keySourceOf({ kms, keyStore = [] }: Case): reader.KeySource {
  return {
    unwrap(kid, wrapped, context) {
      const fitting = kms.find((e) => e.kid === kid && e.wrapped === wrapped && sameContext(e.context, context))
      if (fitting === undefined) throw new Error('the KMS of the test refuses')
      return hex(fitting.key)
    },
    branchKey(id) {
      const fitting = keyStore.find(({ bk }) => bk === id)
      if (fitting === undefined) throw new Error('the key store of the test refuses')
      return hex(fitting.key)
    },
  }
}

/** Unlike deep equality, sees `__proto__` and the order of keys. */
const spelled = (record: object): string => JSON.stringify(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))

const good = load('good.json') as readonly GoodCase[]

describe('good vectors', () => {
  for (const vector of good) {
    const { name, table, binding, record, ctx, kms, keyStore, dek, dekNonce, recordNonce, expected } = vector
    const wrappingKey = kms[0]?.key ?? keyStore?.[0]?.key ?? ''
    const encoded = encodeRecord(record)
    const scope = scopeOf(table, encoded.fs, ctx)

    test(`${name}: encodings are as frozen`, () => {
      expect(encoded.fs).toBe(expected.fs)
      expect(encoded.plaintext.toString()).toBe(expected.plaintext)
      expect(encodeBinding(binding).toString('hex')).toBe(expected.binding)
      expect(recordAad(scope.recordAadPrefix, binding).toString('hex')).toBe(expected.recordAad)
      expect(dekNonce && scope.dekAad.toString('hex')).toBe(expected.dekAad)
      for (const entry of kms) expect(entry.context).toEqual(rowContext(table, ctx))
    })

    test(`${name}: seals to the frozen envelope`, () => {
      const sealed = sealRow(
        encoded,
        binding,
        scope,
        ctx,
        {
          mode: dekNonce === undefined ? 'direct' : 'branch',
          kid: expected.envelope.kid,
          wrapped: kms[0]?.wrapped ?? '',
          key: { bytes: hex(wrappingKey), release: () => {} },
          rows: 1,
        },
        { dek: hex(dek), dekNonce: hex(dekNonce ?? ''), recordNonce: hex(recordNonce) },
      )
      const { wk, bk } = expected.envelope
      const envelope = buildEnvelope({ ...sealed, ctx, wk, bk, dek: sealed.dek })
      expect(JSON.stringify(envelope)).toBe(JSON.stringify(expected.envelope))
    })

    test(`${name}: opens for a reader written from the document`, () => {
      const opened = reader.readEnvelope({ table, binding, envelope: expected.envelope }, keySourceOf(vector))
      expect(spelled(opened)).toBe(spelled(record))
    })
  }
})

describe('good vectors', () => {
  for (const vector of good) {
    const { name, table, binding, record, expected } = vector

    test(`${name}: opens, also as jsonb orders it`, async () => {
      const jsonb: unknown = Object.fromEntries(
        Object.entries(expected.envelope).sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1)),
      )
      const [row] = await createRowCipher({ keys: keysOf(vector) }).open([{ table, binding, envelope: jsonb }])
      if (row === undefined || row instanceof EnvelopeError) throw new Error('does not open', { cause: row })
      expect(spelled(row.record)).toBe(spelled(record))
      expect(JSON.stringify(row.envelope)).toBe(JSON.stringify(expected.envelope))
    })
  }
})

describe('bad vectors', () => {
  for (const vector of load('bad.json') as readonly BadCase[]) {
    const { name, table, binding, envelope, expected } = vector

    test(`${name}: does not open`, async () => {
      const [row] = await createRowCipher({ keys: keysOf(vector) }).open([{ table, binding, envelope }])
      expect(row).toBeInstanceOf(EnvelopeError)
      expect(row).toMatchObject({ code: expected })
    })

    test(`${name}: does not open for a reader written from the document`, () => {
      expect(() => reader.readEnvelope({ table, binding, envelope }, keySourceOf(vector))).toThrow()
    })
  }
})

describe('token vectors', () => {
  for (const vector of load('tokens.json') as readonly TokenCase[]) {
    const { name, index, value, scope, normalized, expected } = vector
    const indexKey = createSecretKey(hex(vector.indexKey))

    test(`${name}: gives the frozen token`, () => {
      expect(indexKeyId(hex(vector.indexKey))).toBe(vector.indexKeyId)
      expect(deriveNameKey(indexKey, index).export().toString('hex')).toBe(vector.nameKey)
      expect(normalize(value, vector.normalize)).toBe(normalized)
      const tokenizer = createTokenizer(vector.indexKeyId, indexKey)
      expect(tokenizer.token({ index, normalize: vector.normalize, scope: [] }, value, scope)).toBe(expected)
      expect(reader.token(hex(vector.indexKey), index, normalized, scope)).toBe(expected)
      expect(isToken(expected)).toBe(true)
    })
  }
})

describe('normalization vectors', () => {
  for (const { name, value, normalize: steps, expected } of load('normalize.json') as readonly NormalizeCase[]) {
    test(`normalize: ${name}`, () => {
      expect(normalize(value, steps)).toBe(expected)
    })
  }
})
