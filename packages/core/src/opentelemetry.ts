import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type Meter, metrics, type Tracer, trace } from '@opentelemetry/api'
import { BREAKER_CHANNEL, type BreakerEvent, KMS_CHANNEL, type KmsCallEvent } from './keys/key-events.ts'
import { createInstruments } from './opentelemetry/instruments.ts'
import { addBreakerEvent, recordCallSpan } from './opentelemetry/spans.ts'
import { type ObservedClient, observeStats } from './opentelemetry/stats-metrics.ts'
import { ACCESS_CHANNEL, type AccessEvent } from './rewrite/access.ts'

export type { ObservedClient } from './opentelemetry/stats-metrics.ts'

export interface InstrumentOptions {
  /** Default: that of the global meter provider. */
  readonly meter?: Meter
  /** Default: that of the global tracer provider. */
  readonly tracer?: Tracer
  /** Clients whose counters are observed: caches, retries, circuit breakers. The rest is told by every client of the process. */
  readonly clients?: readonly ObservedClient[]
}

const NAME = 'prisma-envelope'

/**
 * Turns what prisma-envelope tells by `node:diagnostics_channel` into metrics and spans of OpenTelemetry. Names and attributes stand in the README; none
 * holds a value, a primary key or an encryption context.
 *
 * @returns a function that ends it; a second call does nothing.
 * @example
 * const stop = instrument({ clients: [prisma] })
 */
export function instrument(options: InstrumentOptions = {}): () => void {
  const { meter = metrics.getMeter(NAME), tracer = trace.getTracer(NAME), clients = [] } = options
  const instruments = createInstruments(meter)
  const stopObserving = clients.length === 0 ? () => {} : observeStats(meter, clients)
  const onAccess = (event: unknown): void => instruments.countAccess(event as AccessEvent)
  const onCall = (event: unknown): void => {
    instruments.recordCall(event as KmsCallEvent)
    recordCallSpan(tracer, event as KmsCallEvent)
  }
  const onBreaker = (event: unknown): void => {
    instruments.countBreakerChange(event as BreakerEvent)
    addBreakerEvent(event as BreakerEvent)
  }
  const listeners = [
    [ACCESS_CHANNEL, onAccess],
    [KMS_CHANNEL, onCall],
    [BREAKER_CHANNEL, onBreaker],
  ] as const
  for (const [channel, listener] of listeners) subscribe(channel, listener)
  return () => {
    for (const [channel, listener] of listeners) unsubscribe(channel, listener)
    stopObserving()
  }
}
