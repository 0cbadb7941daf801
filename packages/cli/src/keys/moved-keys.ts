import { timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type EncryptionContext, EnvelopeError, type Keyring, type KeyService } from 'prisma-envelope/rows'
import { isAboutTheRow } from '../rows/reopened.ts'

/** A key as an envelope has it: wrapped by one KMS key, or by each of several. */
export interface KeyToMove {
  readonly forms: readonly (readonly [kid: string, wrapped: string])[]
  readonly context: EncryptionContext
}

/** Keys wrapped anew by the keyring's current KMS key. */
export interface MovedKeys {
  /** What a key was wrapped into, or why it can't be moved; undefined where it was not asked for, or longer ago than is remembered. */
  find(key: KeyToMove): string | EnvelopeError | undefined
  /**
   * Moves keys, side by side; each distinct one by two KMS calls (one, where the provider wraps anew by itself), whoever else asks for it meanwhile.
   *
   * @throws EnvelopeError what is no fault of a row: a KMS that is down or refuses. Keys that were moved before that stay moved.
   */
  fetch(keys: readonly KeyToMove[]): Promise<void>
  /** Distinct keys that were moved. */
  readonly moved: number
}

export interface MovedKeysOptions {
  readonly keys: KeyService
  readonly keyring: Keyring
  /** Keys remembered at most: more than all batches under way can need. */
  readonly remembered: number
  /** KMS calls under way at the same time. */
  readonly sideBySide: number
  /** Unwraps each key once more before its rows are written, and compares: one more KMS call a key. */
  readonly verify: boolean
}

export function createMovedKeys(options: MovedKeysOptions): MovedKeys {
  const { keys, keyring, remembered, sideBySide, verify } = options
  const { current } = keyring
  const known = new LRUCache<string, string | EnvelopeError>({ max: remembered })
  const running = new Map<string, Promise<string | EnvelopeError>>()
  let moved = 0

  async function unwrapped<T>(
    kid: string,
    wrapped: string,
    context: EncryptionContext,
    use: (bytes: Uint8Array) => T,
  ): Promise<Awaited<T> | EnvelopeError> {
    const [handle] = await keys.forOpening([{ kid, wrapped, context }])
    if (handle === undefined) throw new Error('the key service gave no answer')
    if (handle instanceof EnvelopeError) {
      if (isAboutTheRow(handle)) return handle
      throw handle
    }
    try {
      return await use(handle.bytes)
    } finally {
      handle.release()
    }
  }

  async function move({ forms, context }: KeyToMove): Promise<string | EnvelopeError> {
    const [[kid, wrapped] = ['', '']] = forms
    if (kid === current.name && current.rewrap !== undefined) {
      const again = await keys.rewrap(wrapped, context)
      return verify ? opening(forms, context, (bytes) => verified(again, bytes, context)) : again
    }
    return opening(forms, context, async (bytes) => {
      const again = await keys.wrap(bytes, context)
      return verify ? verified(again, bytes, context) : again
    })
  }

  /** Takes the first form that opens, as every reader does. */
  async function opening(
    forms: KeyToMove['forms'],
    context: EncryptionContext,
    use: (bytes: Uint8Array) => Promise<string>,
  ): Promise<string | EnvelopeError> {
    let failure: EnvelopeError | undefined
    for (const [kid, wrapped] of forms) {
      const outcome = await unwrapped(kid, wrapped, context, use)
      if (!(outcome instanceof EnvelopeError)) return outcome
      failure = failure === undefined || failure.code === 'KEY_UNKNOWN' ? outcome : failure
    }
    return failure ?? new EnvelopeError('CANNOT_OPEN', 'the envelope holds no wrapped key')
  }

  async function verified(again: string, bytes: Uint8Array, context: EncryptionContext): Promise<string> {
    const isSame = await unwrapped(current.name, again, context, (reopened) => timingSafeEqual(reopened, bytes))
    if (isSame === true) return again
    throw new EnvelopeError(
      'CANNOT_OPEN',
      `what the key provider ${JSON.stringify(current.name)} wrapped does not unwrap to the same key: no row of it was written`,
    )
  }

  function moving(key: KeyToMove): Promise<string | EnvelopeError> {
    const id = idOf(key)
    const begun = running.get(id)
    if (begun !== undefined) return begun
    const call = move(key)
      .then((outcome) => {
        known.set(id, outcome)
        if (!(outcome instanceof EnvelopeError)) moved += 1
        return outcome
      })
      .finally(() => running.delete(id))
    running.set(id, call)
    return call
  }

  return {
    find: (key) => known.get(idOf(key)),
    async fetch(wanted) {
      const queue = new Map(wanted.map((key) => [idOf(key), key])).values()
      const failures: unknown[] = []
      const work = async (): Promise<void> => {
        for (const key of queue) {
          if (failures.length > 0) return
          if (known.has(idOf(key))) continue
          await moving(key).catch((error: unknown) => failures.push(error))
        }
      }
      await Promise.all(Array.from({ length: sideBySide }, work))
      if (failures.length > 0) throw failures[0]
    },
    get moved() {
      return moved
    },
  }
}

/** Neither key names nor base64 hold a space. */
function idOf({ forms, context }: KeyToMove): string {
  return `${forms.map(([kid, wrapped]) => `${kid} ${wrapped}`).join(' ')} ${JSON.stringify(context)}`
}
