import type { HistogramValue } from './buckets.js'
import type { MetricDefinition } from './definitions.js'

export type Labels = Readonly<Record<string, string>>

export interface Point<Value> {
  readonly labels: Labels
  readonly value: Value
}

/** All series of one metric, as they are now. */
export type Family = NumberFamily | HistogramFamily

export interface NumberFamily {
  readonly kind: 'counter' | 'gauge'
  readonly definition: MetricDefinition
  readonly points: readonly Point<number>[]
}

export interface HistogramFamily {
  readonly kind: 'histogram'
  readonly definition: MetricDefinition
  readonly points: readonly Point<HistogramValue>[]
}

/** Where figures come from. */
export interface MetricSource {
  /** Of everything that it may have. */
  readonly definitions: readonly MetricDefinition[]
  families(): readonly Family[]
}
