import type { BatchObservableCallback, Meter } from '@opentelemetry/api'
import type { KeyStats } from '../keys/key-stats.ts'
import { attributesOfBreaker } from './attributes.ts'

/** A client with the extension. */
export interface ObservedClient {
  readonly $envelope: { stats(): KeyStats }
}

type Total = { readonly [Name in keyof KeyStats]: KeyStats[Name] extends number ? Name : never }[keyof KeyStats]

const TOTALS: readonly (readonly [counter: Exclude<Total, 'inFlight'>, name: string, unit: string, description: string])[] = [
  ['cacheHits', 'cache.hits', '{key}', 'Keys of operations that were in memory'],
  ['evictions', 'cache.evictions', '{key}', 'Keys let go because of size, age or use'],
  ['refreshes', 'cache.refreshes', '{key}', 'Keys unwrapped anew before they expired'],
  ['staleUses', 'cache.stale_uses', '{use}', 'Uses of expired keys while the KMS gave no answer'],
  ['coalesced', 'kms.coalesced', '{wait}', 'Waits that joined a running KMS call'],
  ['retries', 'kms.retries', '{call}', 'Attempts beyond the first of a call'],
  ['throttled', 'kms.throttled', '{call}', 'Calls that the KMS throttled'],
  ['failovers', 'kms.failovers', '{call}', 'Calls made to another provider of a key than its first'],
]

const BREAKER_STATES = { closed: 0, 'half-open': 1, open: 2 } as const

/** Observes counters that clients keep anyhow, added up over all of them. @returns a function that ends it. */
export function observeStats(meter: Meter, clients: readonly ObservedClient[]): () => void {
  const totals = TOTALS.map(([counter, name, unit, description]) => ({
    counter,
    observable: meter.createObservableCounter(`prisma_envelope.${name}`, { unit, description }),
  }))
  const inFlight = meter.createObservableGauge('prisma_envelope.kms.in_flight', {
    unit: '{call}',
    description: 'KMS calls under way',
  })
  const breakers = meter.createObservableGauge('prisma_envelope.kms.breaker.state', {
    description: 'Circuit breaker of a key: 0 closed, 1 half-open, 2 open; of several clients the worst',
  })
  const observe: BatchObservableCallback = (result) => {
    const stats = clients.map(({ $envelope }) => $envelope.stats())
    for (const { counter, observable } of totals) result.observe(observable, sum(stats, counter))
    result.observe(inFlight, sum(stats, 'inFlight'))
    const worst = new Map<string, { readonly state: number; readonly attributes: ReturnType<typeof attributesOfBreaker> }>()
    for (const { key: keyName, member, state } of stats.flatMap((each) => each.breakers)) {
      const id = `${member} ${keyName}`
      const own = { state: BREAKER_STATES[state], attributes: attributesOfBreaker({ keyName, member }) }
      if (own.state >= (worst.get(id)?.state ?? 0)) worst.set(id, own)
    }
    for (const { state, attributes } of worst.values()) result.observe(breakers, state, attributes)
  }
  const observed = [...totals.map(({ observable }) => observable), inFlight, breakers]
  meter.addBatchObservableCallback(observe, observed)
  return () => meter.removeBatchObservableCallback(observe, observed)
}

function sum(stats: readonly KeyStats[], counter: Total): number {
  return stats.reduce((total, each) => total + each[counter], 0)
}
