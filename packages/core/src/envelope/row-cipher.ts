import { createSecretKey, type KeyObject } from 'node:crypto'
import { EnvelopeError } from '../errors.ts'
import type { IndexKey, Keys } from '../keys/contract.ts'
import type { EncryptionContext } from '../keys/key-provider.ts'
import type { OpenedRow, RowCipher, RowToOpen, Tokenizer } from './contract.ts'
import { isContext, type ParsedEnvelope, parseEnvelope } from './format.ts'
import { fillRandom } from './random.ts'
import { encodeRecord } from './record.ts'
import { allocateFreshBytes, openRow, sealRow } from './row.ts'
import { createRowDeks } from './row-deks.ts'
import { createRowScopes, type RowScope } from './row-scope.ts'
import { takeSealingKeys } from './sealing-keys.ts'
import { createTokenizer } from './token.ts'
import { createWantedKeys, type WantedKey } from './wanted-keys.ts'

export interface RowCipherOptions {
  readonly keys: Keys
  /** Extra encryption context of every row that is sealed and has none of its own. Stands in the envelope, and in the KMS's log, in the clear: never PII. */
  readonly context?: EncryptionContext | undefined
}

/** A row whose envelope has the right shape, and the key that it waits for. */
interface WaitingRow {
  readonly index: number
  readonly row: RowToOpen
  readonly parsed: ParsedEnvelope
  readonly scope: RowScope
  readonly key: WantedKey
}

/**
 * Seals and opens rows. A batch asks the key layer once and then seals or opens within one turn of the event loop, so that keys are on loan briefly.
 *
 * @throws EnvelopeError `CONFIG` for a context that an envelope can't carry
 */
export function createRowCipher({ keys, context }: RowCipherOptions): RowCipher {
  const ctx = validContext(context)
  const scopeOf = createRowScopes()
  const fresh = allocateFreshBytes()
  const known = new Map<string, { readonly key: KeyObject; readonly tokenizer: Tokenizer }>()

  function tokenizerOf({ id, key: { bytes } }: IndexKey): Tokenizer {
    const key = createSecretKey(bytes)
    const made = known.get(id)
    if (made?.key.equals(key) === true) return made.tokenizer
    const tokenizer = createTokenizer(id, key)
    known.set(id, { key, tokenizer })
    return tokenizer
  }

  return {
    async seal(rows, notes) {
      const prepared = rows.map((row) => {
        const record = encodeRecord(row.record)
        const own = row.ctx === undefined ? ctx : validContext(row.ctx)
        return { row, record, ctx: own, scope: scopeOf(row.table, record.fs, own), kid: row.kid }
      })
      const sealingKeys = await takeSealingKeys(keys, prepared)
      try {
        return prepared.map((each) => {
          fillRandom(fresh.all)
          const key = sealingKeys.next(each)
          notes?.push({ keyName: key.kid, context: each.ctx, cache: key.source ?? 'hit' })
          return sealRow(each.record, each.row.binding, each.scope, each.ctx, key, fresh)
        })
      } finally {
        fresh.dek.fill(0)
        sealingKeys.release()
      }
    },

    async open(rows, notes) {
      const results = new Array<OpenedRow | EnvelopeError>(rows.length)
      const wanted = createWantedKeys()
      const waiting: WaitingRow[] = []
      rows.forEach((row, index) => {
        const parsed = parseEnvelope(row.envelope)
        if (notes !== undefined) {
          notes[index] = { keyName: parsed?.envelope.kid, context: parsed?.envelope.ctx, cache: undefined }
        }
        if (parsed === undefined) results[index] = cannotOpen()
        else {
          const scope = scopeOf(row.table, parsed.envelope.fs, parsed.envelope.ctx)
          waiting.push({ index, row, parsed, scope, key: wanted.want(scope, parsed.wrapped, parsed.envelope.bk) })
        }
      })
      const deks = createRowDeks(waiting.length)
      try {
        if (!wanted.takeCached(keys)) await wanted.unwrap(keys)
        for (const { index, row, parsed, scope, key } of waiting) {
          const { outcome } = key
          if (notes !== undefined)
            notes[index] = { keyName: key.keyName || parsed.envelope.kid, context: parsed.envelope.ctx, cache: key.source }
          if (outcome === undefined) throw new Error('The key layer answered for too few keys')
          if (outcome instanceof EnvelopeError) results[index] = outcome
          else {
            const record = openRow(parsed.envelope, row.binding, scope, outcome, deks)
            results[index] = record === undefined ? cannotOpen() : { record, envelope: parsed.envelope }
          }
        }
      } finally {
        deks.settle()
        wanted.release()
      }
      return results
    },

    async tokenizer() {
      const indexKey = await keys.indexKey()
      try {
        return tokenizerOf(indexKey)
      } finally {
        indexKey.key.release()
      }
    },

    tokensOfValue: keys.indexKeyCount,

    async tokenizers() {
      const indexKeys = await keys.indexKeys()
      try {
        return indexKeys.map(tokenizerOf)
      } finally {
        for (const { key } of indexKeys) key.release()
      }
    },
  }
}

/** Contexts that passed already: a frozen one can't change. */
const valid = new WeakSet<EncryptionContext>()

/** A copy that nobody changes later; `undefined` for none, which is how an envelope spells an empty one. */
function validContext(context: EncryptionContext | undefined): EncryptionContext | undefined {
  if (context === undefined || valid.has(context)) return context
  if (!isContext(context)) {
    throw new EnvelopeError(
      'CONFIG',
      'context must be an object of non-empty strings, without U+0000, 8192 bytes in all; names must not begin with "prisma-envelope" or "aws:"',
    )
  }
  if (Object.keys(context).length === 0) return undefined
  const copy = Object.freeze({ ...context })
  valid.add(copy)
  return copy
}

/** One message for every reason: which check failed would help nobody but a forger. */
function cannotOpen(): EnvelopeError {
  return new EnvelopeError(
    'CANNOT_OPEN',
    'the envelope does not open: it was altered, belongs to another row, table or key, or is of a version that this library does not know. Restore the row from a backup, or upgrade prisma-envelope',
  )
}
