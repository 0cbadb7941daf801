import { channel } from 'node:diagnostics_channel'
import type { KeyNote } from '../envelope/contract.ts'
import type { EnvelopeErrorCode } from '../errors.ts'
import { safeHook } from './hook.ts'

/** Name of the channel of `node:diagnostics_channel` on which every {@link AccessEvent} is published. */
export const ACCESS_CHANNEL = 'prisma-envelope:access'

/** A row was opened or sealed, or was not, although somebody tried. Never holds a value of an encrypted field. */
export interface AccessEvent {
  readonly action: 'opened' | 'sealed' | 'failed'
  /** Of a failure: what was tried. */
  readonly attempt?: 'open' | 'seal'
  /** Of a failure. */
  readonly code?: EnvelopeErrorCode
  readonly model: string
  /** `null` where it is not known before the statement: the database makes it, or the row is named by another unique key. */
  readonly primaryKey: Readonly<Record<string, unknown>> | null
  /**
   * Encrypted fields that the caller got, or gave. Opening always opens a row's whole record, so the list is empty where a row was opened to be compared
   * or merged, or sealed anew for something else than its encrypted fields.
   */
  readonly fields: readonly string[]
  /** Name in the keyring of the KMS key; `undefined` where the envelope does not tell, or before one was chosen. */
  readonly keyName: string | undefined
  /** The row's own part of the encryption context. */
  readonly context: Readonly<Record<string, string>>
  /** What `prisma.$envelope({ … })` was given: who acts, for whom, and why. */
  readonly settings: Readonly<Record<string, string>>
  /**
   * `hit`: the key was in memory, and no KMS was asked. `miss`: a KMS unwrapped it for this operation. `generated`: a KMS made it for this operation.
   * `undefined` where there was none.
   */
  readonly cache: 'hit' | 'miss' | 'generated' | undefined
  /** As Prisma names it, or `$envelope.reveal`. */
  readonly operation: string
  /** Milliseconds that all rows took that were opened or sealed together, waiting for the KMS included. */
  readonly duration: number
}

export type OnAccess = (event: AccessEvent) => void

/** A row, as those know it who have it opened or sealed. */
export interface Subject {
  readonly model: string
  readonly primaryKey: AccessEvent['primaryKey']
  readonly fields: readonly string[]
}

/** Where accesses are told. */
export interface AccessLog {
  /** Whether anybody listens: nothing need be put together where nobody does. */
  readonly isOn: boolean
  tell(event: AccessEvent): void
}

/** Tells `hook` and the subscribers of {@link ACCESS_CHANNEL}. */
export function createAccessLog(hook: OnAccess | undefined): AccessLog {
  const access = channel(ACCESS_CHANNEL)
  const told = hook && safeHook('onAccess', 'PRISMA_ENVELOPE_ACCESS_HOOK', hook)
  return {
    get isOn() {
      return told !== undefined || access.hasSubscribers
    },
    tell(event) {
      told?.(event)
      if (access.hasSubscribers) access.publish(event)
    },
  }
}

/** Accesses of an attempt that may be undone and made again: only the one that counts is told. */
export interface HeldAccesses extends AccessLog {
  /** Tells what was held. */
  settle(): void
}

export function holdAccesses(log: AccessLog): HeldAccesses {
  const held: AccessEvent[] = []
  return {
    get isOn() {
      return log.isOn
    },
    tell: (event) => void held.push(event),
    settle() {
      for (const event of held.splice(0)) log.tell(event)
    },
  }
}

const NO_CONTEXT: AccessEvent['context'] = Object.freeze({})

export interface Circumstances {
  readonly operation: string
  readonly settings: AccessEvent['settings']
  readonly duration: number
}

/** What became of a row. @param code of a failure */
export function accessEvent(
  attempt: 'open' | 'seal',
  { model, primaryKey, fields }: Subject,
  note: KeyNote | undefined,
  { operation, settings, duration }: Circumstances,
  code?: EnvelopeErrorCode,
): AccessEvent {
  const done = attempt === 'open' ? 'opened' : 'sealed'
  return Object.freeze({
    action: code === undefined ? done : 'failed',
    ...(code !== undefined && { attempt, code }),
    model,
    primaryKey,
    fields,
    keyName: note?.keyName,
    context: note?.context ?? NO_CONTEXT,
    settings,
    cache: note?.cache,
    operation,
    duration,
  })
}
