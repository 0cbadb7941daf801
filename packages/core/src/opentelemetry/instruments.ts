import type { Meter } from '@opentelemetry/api'
import type { BreakerEvent, KmsCallEvent } from '../keys/key-events.ts'
import type { AccessEvent } from '../rewrite/access.ts'
import { attributesOfAccess, attributesOfBreaker, attributesOfCall } from './attributes.ts'

/** Metrics of what is told as it happens. */
export interface Instruments {
  countAccess(event: AccessEvent): void
  recordCall(event: KmsCallEvent): void
  countBreakerChange(event: BreakerEvent): void
}

/** Seconds: a KMS answers in 1 ms to 10 ms, and is given up after 5 s. */
const CALL_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

export function createInstruments(meter: Meter): Instruments {
  const counter = (name: string, unit: string, description: string) =>
    meter.createCounter(`prisma_envelope.${name}`, { unit, description })
  const rows = {
    opened: counter('rows.opened', '{row}', 'Rows whose envelope was opened'),
    sealed: counter('rows.sealed', '{row}', 'Rows that were sealed'),
    failed: counter('rows.failed', '{row}', 'Rows that were not opened or sealed, although somebody tried'),
  }
  const calls = counter('kms.calls', '{call}', 'Calls to the KMS, each attempt counted')
  const duration = meter.createHistogram('prisma_envelope.kms.call.duration', {
    unit: 's',
    description: 'Duration of calls to the KMS',
    advice: { explicitBucketBoundaries: CALL_BUCKETS },
  })
  const changes = counter('kms.breaker.changes', '{change}', 'Changes of state of circuit breakers')
  return {
    countAccess: (event) => rows[event.action].add(1, attributesOfAccess(event)),
    recordCall(event) {
      const attributes = attributesOfCall(event)
      calls.add(1, attributes)
      duration.record(event.duration / 1000, attributes)
    },
    countBreakerChange: (event) =>
      changes.add(1, { ...attributesOfBreaker(event), 'prisma_envelope.kms.breaker.state': event.state }),
  }
}
