import { scope } from '../conventions.js'
import type { HistogramValue } from './buckets.js'
import type { Family, MetricSource, Point } from './families.js'

/** Seconds and nanoseconds. */
type Time = [number, number]

interface DataPoint<Value> {
  readonly startTime: Time
  readonly endTime: Time
  readonly attributes: Record<string, string>
  readonly value: Value
}

interface Described {
  readonly descriptor: { readonly name: string; readonly description: string; readonly unit: string; readonly valueType: 1 }
  /** Cumulative. */
  readonly aggregationTemporality: 1
}

interface Buckets {
  readonly buckets: { boundaries: number[]; counts: number[] }
  readonly sum: number
  readonly count: number
  readonly min: number
  readonly max: number
}

/** The forms of OpenTelemetry's SDK, which is no dependency of this package: histogram, gauge, sum. */
type Metric =
  | (Described & { readonly dataPointType: 0; readonly dataPoints: DataPoint<Buckets>[] })
  | (Described & { readonly dataPointType: 2; readonly dataPoints: DataPoint<number>[] })
  | (Described & { readonly dataPointType: 3; readonly dataPoints: DataPoint<number>[]; readonly isMonotonic: true })

export interface MetricProducer {
  collect(): Promise<{
    readonly resourceMetrics: {
      /** The reader's own counts. */
      readonly resource: never
      readonly scopeMetrics: { readonly scope: { readonly name: string; readonly version: string }; readonly metrics: Metric[] }[]
    }
    readonly errors: unknown[]
  }>
}

/**
 * Gives metrics to a reader of OpenTelemetry, histograms already made: `new PrometheusExporter({ metricProducers: [metricProducer(metrics)] })`,
 * and the same for `PeriodicExportingMetricReader`. Counted from when it was made, cumulative.
 */
export function metricProducer(...sources: readonly MetricSource[]): MetricProducer {
  const startTime = timeOf(Date.now())
  return {
    async collect() {
      const endTime = timeOf(Date.now())
      const families = sources.flatMap((source) => source.families()).filter(({ points }) => points.length > 0)
      const metrics = families.map((family) => metricOf(family, startTime, endTime))
      return { resourceMetrics: { resource: undefined as never, scopeMetrics: [{ scope, metrics }] }, errors: [] }
    },
  }
}

function metricOf(family: Family, startTime: Time, endTime: Time): Metric {
  const { name, description, unit } = family.definition
  const described = { descriptor: { name, description, unit, valueType: 1 }, aggregationTemporality: 1 } as const
  const point = <From, To>({ labels, value }: Point<From>, convert: (value: From) => To): DataPoint<To> => {
    return { startTime, endTime, attributes: { ...labels }, value: convert(value) }
  }
  if (family.kind === 'histogram')
    return { ...described, dataPointType: 0, dataPoints: family.points.map((each) => point(each, bucketsOf)) }
  const dataPoints = family.points.map((each) => point(each, (value) => value))
  return family.kind === 'counter'
    ? { ...described, dataPointType: 3, dataPoints, isMonotonic: true }
    : { ...described, dataPointType: 2, dataPoints }
}

function bucketsOf({ boundaries, counts, sum, count, min, max }: HistogramValue): Buckets {
  return { buckets: { boundaries: [...boundaries], counts: [...counts] }, sum, count, min, max }
}

function timeOf(milliseconds: number): Time {
  return [Math.floor(milliseconds / 1_000), (milliseconds % 1_000) * 1_000_000]
}
