import { contextId, keyId } from './distinct-keys.ts'
import type { EncryptionContext } from './key-provider.ts'

/** What one stored key serves. */
export interface KeySlot {
  /** Stands for `kid` and `context`. */
  readonly id: string
  readonly kid: string
  /** Of the KMS. */
  readonly context: EncryptionContext
}

export function slotOf(kid: string, context: EncryptionContext): KeySlot {
  return { id: keyId(kid, contextId(context), ''), kid, context }
}
