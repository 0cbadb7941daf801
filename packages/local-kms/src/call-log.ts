import type { OperationName } from './operations/index.ts'
import type { EncryptionContext, Input } from './protocol/input.ts'
import { isRecord } from './protocol/input.ts'

/** The encryption context of one call, as the client sent it. */
export interface ContextEntry {
  readonly operation: OperationName
  /** As the request named it. */
  readonly keyId: string | undefined
  readonly context: EncryptionContext
}

/** Older entries make room, so that a server that runs for weeks does not grow. */
const MAX_CONTEXTS = 10_000

/** Which parts of an operation's input name its key and its context; ReEncrypt's are those of what it makes. */
const CONTEXT_OF: Readonly<Partial<Record<OperationName, readonly [keyId: string, context: string]>>> = {
  GenerateDataKey: ['KeyId', 'EncryptionContext'],
  GenerateDataKeyWithoutPlaintext: ['KeyId', 'EncryptionContext'],
  Encrypt: ['KeyId', 'EncryptionContext'],
  Decrypt: ['KeyId', 'EncryptionContext'],
  ReEncrypt: ['DestinationKeyId', 'DestinationEncryptionContext'],
}

/** Counts every call with a valid signature, whether a fault or an exception answered it or not. */
export class CallLog {
  #calls: Partial<Record<OperationName, number>> = {}
  #contexts: ContextEntry[] = []

  record(operation: OperationName, input: Input): void {
    this.#calls[operation] = (this.#calls[operation] ?? 0) + 1
    const names = CONTEXT_OF[operation]
    if (names === undefined) return
    const [keyId, context] = names.map((name) => input[name])
    this.#contexts.push({
      operation,
      keyId: typeof keyId === 'string' ? keyId : undefined,
      context: Object.fromEntries(Object.entries(isRecord(context) ? context : {}).map(([key, value]) => [key, String(value)])),
    })
    if (this.#contexts.length > MAX_CONTEXTS) this.#contexts = this.#contexts.slice(MAX_CONTEXTS / 2)
  }

  get calls(): Readonly<Partial<Record<OperationName, number>>> {
    return { ...this.#calls }
  }

  get contexts(): readonly ContextEntry[] {
    return [...this.#contexts]
  }

  reset(): void {
    this.#calls = {}
    this.#contexts = []
  }
}
