import { context, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { instrument, type ObservedClient } from 'prisma-envelope/opentelemetry'

/** One value of a metric. */
export interface Measured {
  readonly metric: string
  readonly attributes: string
  readonly value: string
}

export interface Telemetry {
  /** Does `work` below a span of its own, as a web framework's instrumentation would. */
  request<T>(name: string, work: () => Promise<T>): Promise<T>
  /** Ended so far, in the order of their beginnings. */
  spans(): readonly ReadableSpan[]
  measured(): Promise<readonly Measured[]>
  stop(): Promise<void>
}

/** OpenTelemetry's SDK with exporters to memory; an application has those of its collector here. */
export function startTelemetry(clients: readonly ObservedClient[]): Telemetry {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const meters = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] })
  const finished = new InMemorySpanExporter()
  const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(finished)] })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  metrics.setGlobalMeterProvider(meters)
  trace.setGlobalTracerProvider(tracers)

  // This is all that prisma-envelope needs.
  const stop = instrument({ clients })

  return {
    request: (name, work) =>
      trace.getTracer('example').startActiveSpan(name, async (span) => {
        try {
          return await work()
        } finally {
          span.end()
        }
      }),
    spans: () => finished.getFinishedSpans().toSorted((a, b) => inMilliseconds(a.startTime) - inMilliseconds(b.startTime)),
    async measured() {
      exporter.reset()
      await meters.forceFlush()
      const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
      return all.flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => ({
          metric: descriptor.name,
          attributes: attributesText(attributes),
          value: typeof value === 'number' ? String(value) : meanText(value.sum ?? 0, value.count),
        })),
      )
    },
    async stop() {
      stop()
      await Promise.all([meters.shutdown(), tracers.shutdown()])
    },
  }
}

export function attributesText(attributes: Readonly<Record<string, unknown>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name.replace('prisma_envelope.', '')}=${String(value)}`)
    .join(' ')
}

export function inMilliseconds([seconds, nanoseconds]: readonly [number, number]): number {
  return seconds * 1000 + nanoseconds / 1e6
}

function meanText(sum: number, count: number): string {
  return `${count} × ${((sum / count) * 1000).toFixed(1)} ms`
}
