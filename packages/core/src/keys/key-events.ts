import { channel } from 'node:diagnostics_channel'
import type { EnvelopeErrorCode } from '../errors.ts'

/** Name of the channel of `node:diagnostics_channel` on which every {@link KmsCallEvent} is published. */
export const KMS_CHANNEL = 'prisma-envelope:kms'

/** Name of the channel on which every {@link BreakerEvent} is published. */
export const BREAKER_CHANNEL = 'prisma-envelope:breaker'

/** One call to a KMS has ended: one attempt, whatever becomes of the operation that needs it. */
export interface KmsCallEvent {
  /** Name of the key in the keyring. */
  readonly keyName: string
  /** Position among the providers of that name: 0, unless there are several to fail over to. */
  readonly member: number
  readonly operation: 'generateDataKey' | 'wrap' | 'unwrap'
  /** 1 for the first attempt. */
  readonly attempt: number
  /** Milliseconds. */
  readonly duration: number
  /** Of the error; `undefined` where the KMS did what it was asked. */
  readonly code: EnvelopeErrorCode | undefined
}

/** The circuit breaker of a key has changed its state. */
export interface BreakerEvent {
  /** As in {@link KmsCallEvent}. */
  readonly keyName: string
  readonly member: number
  readonly state: BreakerState
  readonly previous: BreakerState
}

export type BreakerState = 'closed' | 'open' | 'half-open'

const calls = channel(KMS_CHANNEL)
const breakers = channel(BREAKER_CHANNEL)

export function tellCall(event: KmsCallEvent): void {
  if (calls.hasSubscribers) calls.publish(Object.freeze(event))
}

export function tellBreaker(event: BreakerEvent): void {
  if (breakers.hasSubscribers) breakers.publish(Object.freeze(event))
}
