import { type Attributes, type Histogram, type Meter, type MeterProvider, metrics, type Observable } from '@opentelemetry/api'
import { scope } from '../conventions.js'
import { latencyBoundaries, operationBoundaries } from './buckets.js'
import type { BusMetrics } from './bus-metrics.js'
import { definitions, type MetricDefinition } from './definitions.js'
import type { MetricSource, NumberFamily } from './families.js'
import { operationLabels, processLabels } from './labels.js'

export interface ObserveOptions {
  /** Default: the global one. */
  readonly meterProvider?: MeterProvider | undefined
}

/**
 * Shows metrics by instruments of OpenTelemetry's API, for a reader that is not the program's to configure. Histograms are recorded value
 * by value, which takes the SDK about a microsecond each: where that counts, give `metricProducer` to the reader instead. Answers how to stop.
 */
export function observeMetrics(source: BusMetrics, { meterProvider = metrics.getMeterProvider() }: ObserveOptions = {}): () => void {
  const meter = meterProvider.getMeter(scope.name, scope.version)
  const observables = new Map<string, Observable>()
  for (const definition of source.definitions) {
    if (definition.kind !== 'histogram') observables.set(definition.name, observable(meter, definition))
  }
  const all = [...observables.values()]
  const observe = (result: { observe: (metric: Observable, value: number, attributes?: Attributes) => void }): void => {
    for (const family of numbersOf(source)) {
      const metric = observables.get(family.definition.name)
      if (metric !== undefined) for (const { labels, value } of family.points) result.observe(metric, value, labels)
    }
  }
  meter.addBatchObservableCallback(observe, all)
  const stop = source.record(recorderOf(meter))
  return () => {
    meter.removeBatchObservableCallback(observe, all)
    stop()
  }
}

function recorderOf(meter: Meter): Parameters<BusMetrics['record']>[0] {
  const operations = histogram(meter, definitions.operationDuration, operationBoundaries)
  const processes = histogram(meter, definitions.processDuration, operationBoundaries)
  const latencies = histogram(meter, definitions.seedLatency, latencyBoundaries)
  return {
    operated: (record) => operations.record(record.durationMs / 1_000, operationLabels(record)),
    handled: (record) => {
      processes.record(record.durationMs / 1_000, processLabels(record))
      if (record.latencyMs !== undefined) latencies.record(Math.max(0, record.latencyMs) / 1_000, { type: record.type })
    },
  }
}

function observable(meter: Meter, { name, kind, unit, description }: MetricDefinition): Observable {
  return kind === 'counter'
    ? meter.createObservableCounter(name, { unit, description })
    : meter.createObservableGauge(name, { unit, description })
}

function histogram(meter: Meter, { name, unit, description }: MetricDefinition, boundaries: readonly number[]): Histogram {
  return meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: [...boundaries] } })
}

function numbersOf(source: MetricSource): readonly NumberFamily[] {
  return source.families().filter((family): family is NumberFamily => family.kind !== 'histogram')
}
