import type { EnvelopeError } from '../errors.ts'

/** The time that those who wait for a KMS call have for it. */
export interface CallTime {
  /** Aborts when nobody waits any more. */
  readonly signal: AbortSignal
  /** Milliseconds until the last of those who wait must have an answer. */
  left(): number
  /** Lets nobody join from here on: whoever comes later is better off with a call of their own. */
  close(): void
  /** Remembers why there is no answer yet, for those whose time is up before there is one. */
  failed(error: EnvelopeError): void
}
