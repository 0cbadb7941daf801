import { context, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import type { BreakerEvent, KmsCallEvent } from '../keys/key-events.ts'
import { attributesOfBreaker, attributesOfCall } from './attributes.ts'

const SPAN_NAMES: Readonly<Record<KmsCallEvent['operation'], string>> = {
  generateDataKey: 'prisma_envelope.kms.generate_data_key',
  wrap: 'prisma_envelope.kms.wrap',
  unwrap: 'prisma_envelope.kms.unwrap',
}

/** A span of a call that has just ended, below the span of whoever began it: of several operations that wait for one call, the first. */
export function recordCallSpan(tracer: Tracer, event: KmsCallEvent): void {
  const endTime = performance.timeOrigin + performance.now()
  const attributes = { ...attributesOfCall(event), 'prisma_envelope.kms.attempt': event.attempt }
  const span = tracer.startSpan(
    SPAN_NAMES[event.operation],
    { kind: SpanKind.CLIENT, startTime: endTime - event.duration, attributes },
    context.active(),
  )
  if (event.code !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: event.code })
  span.end(endTime)
}

/** Told where it happened: an event of the span that is active. */
export function addBreakerEvent(event: BreakerEvent): void {
  trace.getActiveSpan()?.addEvent('prisma_envelope.kms.breaker', {
    ...attributesOfBreaker(event),
    'prisma_envelope.kms.breaker.state': event.state,
  })
}
