import { defineEvent, EventBus, staticSchema } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import {
  BusMetrics,
  EventTracker,
  type MetricSource,
  metricProducer,
  observeMetrics,
  prometheusName,
  prometheusText,
  prometheusTextType,
  registerPrometheus,
} from '@interline/telemetry'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { Counter, type OpenMetricsContentType, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'

const Placed = defineEvent('exposed.Placed', { topic: 'exposed.placed', schema: staticSchema<{ n: number }>() })
const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

/** Three published, of which two are handled well and one is not. */
async function counted(): Promise<{ metrics: BusMetrics; tracker: EventTracker; bus: EventBus }> {
  const [metrics, tracker] = [new BusMetrics(), new EventTracker()]
  const bus = new EventBus({ broker: new MemoryBroker(), instrumentation: [metrics, tracker], logger, retry: { maxAttempts: 1 } })
  const handle = ({ data }: { data: { n: number } }): void => {
    if (data.n === 3) throw new Error('no')
  }
  await bus.subscribe(Placed, handle, { name: 'billing' })
  for (const n of [1, 2, 3]) await bus.publish(Placed({ n }))
  await bus.idle()
  await metrics.collect()
  return { metrics, tracker, bus }
}

async function scraped(exporter: PrometheusExporter): Promise<string> {
  const { resourceMetrics, errors } = await exporter.collect()
  expect(errors).toEqual([])
  return new PrometheusSerializer(undefined, false, undefined, true, true).serialize(resourceMetrics)
}

/** Names without what a histogram's series add. */
function namesIn(text: string): readonly string[] {
  return [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name).sort()
}

describe('a registry of prom-client', () => {
  it("holds the bus's metrics beside the program's own, by the names of Prometheus", async () => {
    const { metrics, tracker, bus } = await counted()
    const registry = new Registry()
    new Counter({ name: 'own_total', help: 'The program itself', registers: [registry] }).inc()
    registerPrometheus(registry, metrics, tracker)
    const text = await registry.metrics()
    await bus.close()
    expect(text).toContain('own_total 1')
    expect(text).toContain('EVENT_PUBLISHED_total{type="exposed.Placed"} 3')
    expect(text).toContain('events_published_total{type="exposed.Placed"} 3')
    expect(text).toContain('EVENT_HANDLER_ERROR_total{type="exposed.Placed"} 1')
    expect(text).toContain('interline_lag{interline_component="memory",messaging_destination_name="exposed"')
    expect(text).toContain('event_processing_latency_seconds_count{type="exposed.Placed"} 2')
    expect(text).toContain('events_total{type="exposed.Placed",status="failed"} 1')
    expect(text).toContain('event_latency_seconds_count{type="exposed.Placed"} 3')
    expect(text).toMatch(/messaging_process_duration_seconds_bucket\{le="\+Inf",messaging_system="memory",[^}]*\} 2/)
  })

  it('reads anew at each scrape, and can write OpenMetrics', async () => {
    const { metrics, bus } = await counted()
    const registry = new Registry<OpenMetricsContentType>()
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    registerPrometheus(registry as never, metrics)
    expect(await registry.metrics()).toContain('EVENT_PUBLISHED_total{type="exposed.Placed"} 3')
    await bus.publish(Placed({ n: 4 }))
    const text = await registry.metrics()
    await bus.close()
    expect(text).toContain('# TYPE EVENT_PUBLISHED counter\nEVENT_PUBLISHED_total{type="exposed.Placed"} 4')
    expect(text).toMatch(/# EOF\s*$/)
  })

  it('is not needed for the same text', async () => {
    const { metrics, tracker, bus } = await counted()
    const odd: MetricSource = {
      definitions: [{ name: 'odd', kind: 'gauge', unit: '1', description: 'One\nline \\ "two"', labels: ['path'] }],
      families: () => odd.definitions.map((definition) => ({ kind: 'gauge', definition, points: oddPoints })),
    }
    const oddPoints = [
      { labels: { path: 'C:\\a "b"\nc' }, value: Number.NaN },
      { labels: {}, value: Number.POSITIVE_INFINITY },
      { labels: { path: '-' }, value: Number.NEGATIVE_INFINITY },
      { labels: { path: 'small' }, value: 1e-9 },
    ]
    const sources = [metrics, tracker, odd]
    const registry = new Registry()
    registerPrometheus(registry, ...sources)
    // which writes it as nobody else does
    const text = (await registry.metrics()).replace(/ Nan$/m, ' NaN')
    expect(prometheusText(...sources)).toBe(text)
    expect(text).toContain('EVENT_PUBLISHED_total{type="exposed.Placed"} 3')
    expect(prometheusTextType).toBe(registry.contentType)
    expect(prometheusText(metrics, new BusMetrics())).toBe(prometheusText(metrics))
    await bus.close()
  })

  it('refuses the same metrics twice', () => {
    const registry = new Registry()
    registerPrometheus(registry, new BusMetrics())
    expect(() => registerPrometheus(registry, new BusMetrics())).toThrow('already been registered')
  })
})

describe("a reader of OpenTelemetry's SDK", () => {
  it('is given the same figures by a metric producer as a registry, under the same names but for the unit', async () => {
    const { metrics, bus } = await counted()
    const exporter = new PrometheusExporter({ preventServerStart: true, metricProducers: [metricProducer(metrics)] })
    const provider = new MeterProvider({ readers: [exporter] })
    const registry = new Registry()
    registerPrometheus(registry, metrics)
    const [fromExporter, fromRegistry] = [await scraped(exporter), await registry.metrics()]
    await bus.close()
    await provider.shutdown()
    expect(fromExporter).toContain('EVENT_PUBLISHED_total{type="exposed.Placed"} 3')
    expect(fromExporter).toMatch(/messaging_process_duration_bucket\{messaging_system="memory",[^}]*le="\+Inf"\} 2/)
    const withValues = new Set(namesIn(fromExporter))
    const expected = metrics.definitions.map((definition) => [prometheusName(definition, false), prometheusName(definition)] as const)
    for (const [plain, withUnit] of expected) {
      expect(namesIn(fromRegistry)).toContain(withUnit)
      if (withValues.has(plain)) expect(seriesOf(fromExporter, plain)).toEqual(seriesOf(fromRegistry, withUnit))
    }
    expect([...withValues].filter((name) => !expected.some(([plain]) => plain === name))).toEqual([])
  })

  it('is given them by instruments, where it is not for the program to configure, until told to stop', async () => {
    const { metrics, bus } = await counted()
    const exporter = new PrometheusExporter({ preventServerStart: true })
    const provider = new MeterProvider({ readers: [exporter] })
    const stop = observeMetrics(metrics, { meterProvider: provider })
    await bus.publish(Placed({ n: 4 }))
    await bus.idle()
    const text = await scraped(exporter)
    expect(text).toContain('EVENT_PUBLISHED_total{type="exposed.Placed"} 4')
    expect(text).toMatch(/messaging_process_duration_count\{messaging_system="memory",[^}]*\} 1/)
    expect(text).toMatch(/event_processing_latency_bucket\{type="exposed.Placed",le="600"\} 1/)
    expect(text).toContain('interline_connected{interline_component="memory"} 1')
    stop()
    await bus.publish(Placed({ n: 5 }))
    await bus.idle()
    expect(await scraped(exporter)).toMatch(/messaging_process_duration_count\{messaging_system="memory",[^}]*\} 1\n/)
    await bus.close()
    await provider.shutdown()
  })
})

/** Lines of one metric, labels in order of their names. */
function seriesOf(text: string, name: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => /^(\w+?)(?:\{(.*)\})? (\S+)$/.exec(line))
    .filter((found) => found !== null && [name, `${name}_bucket`, `${name}_count`, `${name}_sum`].includes(found[1] ?? ''))
    .map((found) => `${found?.[1]?.slice(name.length)} ${(found?.[2] ?? '').split(',').sort().join()} ${found?.[3]}`)
    .sort()
}
