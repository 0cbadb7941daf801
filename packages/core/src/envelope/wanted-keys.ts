import { EnvelopeError } from '../errors.ts'
import type { KeyHandle, KeySource, Keys, KeyToUnwrap } from '../keys/contract.ts'
import type { EncryptionContext } from '../keys/key-provider.ts'
import type { WrappedKey } from './format.ts'
import type { RowScope } from './row-scope.ts'

type Outcome = KeyHandle | EnvelopeError

/** A key that rows need, in each of its wrapped forms, and what came of it. */
export interface WantedKey {
  readonly context: EncryptionContext
  /** Empty where the key store holds it. */
  readonly wrapped: readonly WrappedKey[]
  /** Its id in the key store. */
  readonly stored: string | undefined
  /** `undefined` until asked. */
  outcome: Outcome | undefined
  /** Name of the KMS key that the outcome comes from. */
  keyName: string
  /** `undefined` until asked. */
  source: KeySource | undefined
}

/** The distinct keys that the rows of one read need. */
export interface WantedKeys {
  /** The key of a row; the same object for every row that shares it. */
  want(scope: RowScope, wrapped: readonly WrappedKey[], stored: string | undefined): WantedKey
  /**
   * Gives every wanted key its outcome. Of several wrapped forms the first that unwraps is taken, so that rows outlive the outage of one KMS key, or a
   * keyring that knows only another.
   */
  unwrap(keys: Keys): Promise<void>
  /** Gives those their outcome whose keys need no waiting; true where none is left. */
  takeCached(keys: Keys): boolean
  /** Releases every handle that `unwrap` received, also where it failed midway. */
  release(): void
}

export function createWantedKeys(): WantedKeys {
  const wanted = new Map<string, WantedKey>()
  const held: KeyHandle[] = []
  let last: WantedKey | undefined
  return {
    want(scope, wrapped, stored) {
      // Rows that were written together stand together: comparing costs a tenth of hashing what the KMS wrapped.
      if (last?.context === scope.kmsContext && last.stored === stored && sameForms(last.wrapped, wrapped)) return last
      // Neither key names nor base64 nor ids hold a space, so the forms can't run into one another or into the context.
      const id = `${stored ?? wrapped.map(([kid, key]) => `${kid} ${key}`).join(' ')} ${scope.contextId}`
      let key = wanted.get(id)
      if (key === undefined) {
        key = {
          context: scope.kmsContext,
          wrapped,
          stored,
          outcome: undefined,
          keyName: wrapped[0]?.[0] ?? '',
          source: undefined,
        }
        wanted.set(id, key)
      }
      last = key
      return key
    },
    takeCached(keys) {
      let complete = true
      for (const key of wanted.values()) {
        const handle = keys.cached(request(key, 0))
        if (handle === undefined) complete = false
        else {
          held.push(handle)
          key.outcome = handle
          key.keyName = handle.kid ?? key.keyName
          key.source = handle.source ?? 'hit'
        }
      }
      return complete
    },
    async unwrap(keys) {
      let waiting: readonly WantedKey[] = [...wanted.values()].filter((key) => key.outcome === undefined)
      for (let form = 0; waiting.length > 0; form++) {
        const asked = waiting
        const outcomes = await keys.forOpening(asked.map((key) => request(key, form)))
        for (const outcome of outcomes) if (!(outcome instanceof EnvelopeError)) held.push(outcome)
        asked.forEach((key, i) => {
          const outcome = better(key.outcome, outcomes[i])
          if (outcome === key.outcome) return
          key.outcome = outcome
          key.keyName = (outcome instanceof EnvelopeError ? undefined : outcome?.kid) ?? request(key, form).kid
          key.source = 'miss'
        })
        waiting = asked.filter((key) => key.outcome instanceof EnvelopeError && form + 1 < key.wrapped.length)
      }
    },
    release() {
      for (const handle of held.splice(0)) handle.release()
    },
  }
}

function sameForms(a: readonly WrappedKey[], b: readonly WrappedKey[]): boolean {
  return a === b || (a.length === b.length && a.every(([kid, key], i) => b[i]?.[0] === kid && b[i]?.[1] === key))
}

function request({ context, wrapped, stored }: WantedKey, form: number): KeyToUnwrap {
  if (stored !== undefined) return { kid: '', wrapped: '', context, stored }
  const [kid, key] = wrapped[form] as WrappedKey
  return { kid, wrapped: key, context }
}

/** A handle beats an error, and what a KMS answered beats "no such key in the keyring". */
function better(before: Outcome | undefined, now: Outcome | undefined): Outcome | undefined {
  if (!(before instanceof EnvelopeError) || !(now instanceof EnvelopeError)) return now
  return before.code === 'KEY_UNKNOWN' ? now : before
}
