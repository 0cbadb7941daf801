import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fakeKms } from '../test/fake-kms.ts'
import { EnvelopeError } from './errors.ts'
import { createKeyring, createKeys, type KeysOptions } from './keys/index.ts'
import { snapshotOf } from './keys/key-stats.ts'
import { instrument, type ObservedClient } from './opentelemetry.ts'
import { type AccessEvent, createAccessLog } from './rewrite/access.ts'

const context1 = Object.freeze({ 'prisma-envelope': '1', table: 'Patient' })

let exporter: InMemoryMetricExporter
let meters: MeterProvider
let spans: InMemorySpanExporter
let tracers: BasicTracerProvider
let stop: () => void

beforeEach(() => {
  exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  meters = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 })] })
  spans = new InMemorySpanExporter()
  tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})

afterEach(async () => {
  stop()
  context.disable()
  await meters.shutdown()
})

function start(...clients: ObservedClient[]): void {
  stop = instrument({ meter: meters.getMeter('test'), tracer: tracers.getTracer('test'), clients })
}

/** A key service in the place of a client. */
function service(options: Partial<KeysOptions> = {}) {
  const kms = fakeKms()
  const keys = createKeys({ keyring: createKeyring({ current: kms }), ...options })
  const client: ObservedClient = { $envelope: { stats: () => snapshotOf(keys.stats) } }
  const seal = async (): Promise<string> => {
    const [sealing] = await keys.forSealing({ context: context1 }, 1)
    sealing?.key.release()
    return sealing?.wrapped ?? ''
  }
  const open = async (wrapped: string): Promise<unknown> => {
    const [outcome] = await keys.forOpening([{ kid: 'pii', wrapped, context: context1 }])
    if (outcome !== undefined && !(outcome instanceof EnvelopeError)) outcome.release()
    return outcome
  }
  return { kms, client, seal, open }
}

/** Values of each metric, by its attributes without their common prefix. */
async function collected(): Promise<Record<string, Record<string, unknown>>> {
  exporter.reset()
  await meters.forceFlush()
  const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
  return Object.fromEntries(
    all.map(({ descriptor, dataPoints }) => [
      descriptor.name,
      Object.fromEntries(
        dataPoints.map(({ attributes, value }) => [
          Object.entries(attributes)
            .map(([name, attribute]) => `${name.replace('prisma_envelope.', '')}=${String(attribute)}`)
            .join(' '),
          typeof value === 'number' ? value : value.count,
        ]),
      ),
    ]),
  )
}

const event: AccessEvent = {
  action: 'opened',
  model: 'Patient',
  primaryKey: { id: 'ada' },
  fields: ['fullName'],
  keyName: 'pii',
  context: { tenant: 'north' },
  settings: { actor: 'nurse' },
  cache: 'hit',
  operation: 'findMany',
  duration: 1,
}

describe('metrics', () => {
  it('count rows by model, operation, key and cache, and never by what names a row or a person', async () => {
    start()
    const log = createAccessLog(undefined)
    expect(log.isOn).toBe(true)
    log.tell(event)
    log.tell({ ...event, primaryKey: { id: 'bob' } })
    log.tell({ ...event, action: 'sealed', cache: 'generated', operation: 'create' })
    log.tell({ ...event, action: 'failed', attempt: 'open', code: 'KEY_DISABLED', cache: 'miss' })
    const metrics = await collected()
    expect(metrics).toEqual({
      'prisma_envelope.rows.opened': { 'model=Patient operation=findMany key.name=pii cache=hit': 2 },
      'prisma_envelope.rows.sealed': { 'model=Patient operation=create key.name=pii cache=generated': 1 },
      'prisma_envelope.rows.failed': {
        'model=Patient operation=findMany key.name=pii cache=miss attempt=open error.type=KEY_DISABLED': 1,
      },
    })
    expect(JSON.stringify(exporter.getMetrics())).not.toMatch(/ada|bob|north|nurse/)
  })

  it('count and time the calls to the KMS', async () => {
    const { kms, seal, open } = service({ cache: { maxEntries: 0 } })
    start()
    const wrapped = await seal()
    await open(wrapped)
    await open(wrapped)
    kms.during = () => Promise.reject(new EnvelopeError('ACCESS_DENIED', 'no'))
    await open(wrapped)
    const calls = {
      'key.name=pii key.member=0 kms.operation=generateDataKey': 1,
      'key.name=pii key.member=0 kms.operation=unwrap': 2,
      'key.name=pii key.member=0 kms.operation=unwrap error.type=ACCESS_DENIED': 1,
    }
    const metrics = await collected()
    expect(metrics['prisma_envelope.kms.calls']).toEqual(calls)
    expect(metrics['prisma_envelope.kms.call.duration']).toEqual(calls)
  })

  it('observe the counters of clients, added up', async () => {
    const one = service()
    const two = service()
    start(one.client, two.client)
    for (const { seal, open } of [one, two]) {
      const wrapped = await seal()
      await open(wrapped)
      await open(wrapped)
    }
    const metrics = await collected()
    expect(metrics['prisma_envelope.cache.hits']).toEqual({ '': 4 })
    expect(metrics['prisma_envelope.kms.in_flight']).toEqual({ '': 0 })
    expect(metrics['prisma_envelope.kms.breaker.state']).toEqual({ 'key.name=pii key.member=0': 0 })
  })

  it('tell of a circuit breaker that opens', async () => {
    const { kms, client, seal, open } = service({ deadline: 300, kms: { breaker: { failures: 1, openFor: 60_000 } } })
    start(client)
    const wrapped = await seal()
    kms.during = () => Promise.reject(new Error('down'))
    expect(await open(`${wrapped.slice(0, -4)}AAAA`)).toMatchObject({ code: 'UNAVAILABLE' })
    const metrics = await collected()
    expect(metrics['prisma_envelope.kms.breaker.state']).toEqual({ 'key.name=pii key.member=0': 2 })
    expect(metrics['prisma_envelope.kms.breaker.changes']).toEqual({ 'key.name=pii key.member=0 kms.breaker.state=open': 1 })
  })

  it('end with the function that is returned', async () => {
    const { client, seal } = service()
    start(client)
    await seal()
    stop()
    stop()
    expect(createAccessLog(undefined).isOn).toBe(false)
    await seal()
    expect((await collected())['prisma_envelope.cache.hits']).toBeUndefined()
    expect(spans.getFinishedSpans()).toHaveLength(1)
  })
})

describe('spans', () => {
  it('are one for each attempt', async () => {
    const { kms, seal } = service()
    start()
    kms.during = async () => {
      if (kms.calls.generateDataKey === 1) throw new EnvelopeError('THROTTLED', 'slower')
    }
    await seal()
    const attempts = spans
      .getFinishedSpans()
      .map(({ attributes }) => [attributes['prisma_envelope.kms.attempt'], attributes['error.type']])
    expect(attempts).toEqual([
      [1, 'THROTTLED'],
      [2, undefined],
    ])
  })

  it('stand below the one that is active, with what was called and what came of it', async () => {
    const { kms, seal, open } = service({ cache: { maxEntries: 0 } })
    start()
    const tracer = tracers.getTracer('application')
    const parent = tracer.startSpan('request')
    await context.with(trace.setSpan(context.active(), parent), async () => {
      const wrapped = await seal()
      await open(wrapped)
      kms.during = () => Promise.reject(new EnvelopeError('KEY_DISABLED', 'no'))
      await open(wrapped)
    })
    parent.end()
    const finished = spans.getFinishedSpans().filter(({ name }) => name !== 'request')
    expect(finished.map(({ name, attributes, status }) => [name, attributes['error.type'], status.code])).toEqual([
      ['prisma_envelope.kms.generate_data_key', undefined, 0],
      ['prisma_envelope.kms.unwrap', undefined, 0],
      ['prisma_envelope.kms.unwrap', 'KEY_DISABLED', 2],
    ])
    for (const span of finished) {
      expect(span.parentSpanContext?.spanId).toBe(parent.spanContext().spanId)
      expect(span.attributes).toMatchObject({ 'prisma_envelope.key.name': 'pii', 'prisma_envelope.kms.attempt': 1 })
      expect(span.kind).toBe(2)
    }
  })
})
