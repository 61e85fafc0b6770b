import { defineEvent, EventBus, type Instrumentation, staticSchema } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { AlertWatch, BusMetrics, metricProducer, observeMetrics, registerPrometheus, tracing } from '@interline/telemetry'
import { InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { SimpleSpanProcessor, type SpanExporter, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { Gauge, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { contextManager } from './spans.js'

const Placed = defineEvent('harmed.Placed', { topic: 'harmed.placed', schema: staticSchema<{ n: number }>() })
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const retry = { maxAttempts: 2, backoff: { delayMs: 1, jitter: 0 } }

/** Ten events, each of which fails once: what is watched must not change what is handled. */
async function delivers(instrumentation: Instrumentation | readonly Instrumentation[]): Promise<void> {
  const handled: number[] = []
  await using bus = new EventBus({ broker: new MemoryBroker(), instrumentation, logger: quiet, retry })
  const handle = async ({ data }: { data: { n: number } }, { attempt }: { attempt: number }): Promise<void> => {
    await Promise.resolve()
    if (attempt === 1) throw new Error('not yet')
    handled.push(data.n)
  }
  await bus.subscribe(Placed, handle, { name: 'billing' })
  for (let n = 0; n < 5; n++) await bus.publish(Placed({ n }))
  await bus.publishBatch([5, 6, 7, 8, 9].map((n) => Placed({ n })))
  await bus.idle()
  expect([...handled].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(await bus.deadLetters.count()).toBe(0)
}

function thrower(): never {
  throw new Error('broken')
}

describe('delivery goes on as ever', () => {
  it.each<[string, Partial<SpanExporter>]>([
    ['throws', { export: thrower }],
    ['never answers', { export: () => undefined }],
    ['fails', { export: (_spans, done) => done({ code: 1, error: new Error('refused') }) }],
  ])('with an exporter of spans that %s', async (_, broken) => {
    using _manager = contextManager()
    const exporter = { shutdown: async () => undefined, forceFlush: async () => undefined, ...broken } as SpanExporter
    await delivers(tracing({ tracerProvider: new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }) }))
  })

  it.each(['onStart', 'onEnd'] as const)('with a processor of spans whose %s throws', async (method) => {
    const processor = {
      onStart: () => undefined,
      onEnd: () => undefined,
      shutdown: async () => undefined,
      forceFlush: async () => undefined,
    }
    const spanProcessors = [{ ...processor, [method]: thrower } as SpanProcessor]
    await delivers(tracing({ tracerProvider: new TracerProvider({ spanProcessors }), settle: true }))
  })

  it('with a tracer that throws', async () => {
    await delivers(tracing({ tracerProvider: { getTracer: () => ({ startSpan: thrower, startActiveSpan: thrower }) } }))
  })

  it('with instruments that throw, and while a scrape hangs or fails', async () => {
    const metrics = new BusMetrics({ gauges: { broken: thrower, hanging: () => new Promise<number>(() => undefined) } })
    const stop = metrics.record({ operated: thrower, handled: thrower })
    const registry = new Registry()
    registerPrometheus(registry, metrics)
    new Gauge({ name: 'slow', help: 'hangs', registers: [registry], collect: () => new Promise<void>(() => undefined) as never })
    const scrape = registry.metrics()
    await delivers(metrics)
    stop()
    expect(await Promise.race([scrape.then(() => 'answered'), Promise.resolve('hangs')])).toBe('hangs')
  })

  it('with an exporter of metrics that fails', async () => {
    const exporter = new InMemoryMetricExporter(1)
    exporter.export = thrower
    const metrics = new BusMetrics()
    const reader = new PeriodicExportingMetricReader({
      exporter,
      exportIntervalMillis: 5,
      exportTimeoutMillis: 5,
      metricProducers: [metricProducer(metrics)],
    })
    const provider = new MeterProvider({ readers: [reader] })
    const stop = observeMetrics(metrics, { meterProvider: provider })
    await delivers(metrics)
    stop()
    await provider.shutdown().catch(() => undefined)
  })

  it('with alert rules over figures that can not be read', async () => {
    const source = { definitions: [], families: thrower }
    await delivers(new AlertWatch({ metrics: source, everyMs: 1, logger: quiet }))
  })
})
