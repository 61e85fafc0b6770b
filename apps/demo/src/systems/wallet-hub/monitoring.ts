import { type Alert, AlertWatch, BusMetrics, type BusMetricsOptions, HealthEndpoints, tracing } from '@interline/telemetry'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { ComponentHealth, HealthReport, IEventBus, Instrumentation } from 'interline'

/** What one side of the system sees of itself: spans, metrics, the document's four alerts and health. */
export class Monitoring {
  readonly metrics: BusMetrics
  readonly instrumentation: readonly Instrumentation[]
  readonly #spans = new InMemorySpanExporter()
  readonly #alerts: AlertWatch
  #laterMs = 0

  constructor(gauges: BusMetricsOptions['gauges'] = {}) {
    this.metrics = new BusMetrics({ gauges })
    this.#alerts = new AlertWatch({ metrics: this.metrics })
    const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: this.#spans })] })
    this.instrumentation = [tracing({ tracerProvider }), this.metrics]
  }

  /** Measures now, and judges as if it were so much later than the last time: the rules ask for minutes. Answers what fires. */
  async alertsAfter(laterMs: number): Promise<readonly string[]> {
    await this.metrics.collect()
    this.#laterMs += laterMs
    const clock = { now: () => Date.now() + this.#laterMs, monotonic: () => performance.now() + this.#laterMs }
    this.#alerts.evaluate(clock)
    return this.#alerts.firing.map(({ rule }: Alert) => rule.name)
  }

  /** As a probe sees it, which is not served an answer of a second ago. */
  health(bus: IEventBus, checks: Readonly<Record<string, () => Promise<ComponentHealth>>>): Promise<HealthReport> {
    return new HealthEndpoints(bus, { checks, maxAgeMs: 0 }).report()
  }

  /** Of one counter, over all its series. */
  counted(name: string): number {
    const families = this.metrics.families().filter(({ definition }) => definition.name === name)
    return families.reduce((sum, { kind, points }) => sum + (kind === 'counter' ? points.reduce((all, { value }) => all + value, 0) : 0), 0)
  }

  /** Of spans whose names begin like this. */
  traceIds(name: string): readonly string[] {
    const spans = this.#spans.getFinishedSpans().filter((span) => span.name.startsWith(name))
    return [...new Set(spans.map((span) => span.spanContext().traceId))]
  }
}
