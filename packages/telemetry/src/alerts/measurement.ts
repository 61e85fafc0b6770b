import { type HistogramValue, quantileOf, sumOf } from '../metrics/buckets.js'
import type { Family } from '../metrics/families.js'
import type { Measure } from './alert-rule.js'

interface Sample {
  readonly at: number
  readonly of: number
  readonly to: number
  readonly counts: readonly number[]
}

/** What a rule measures, over as much of the past as its window asks for, in no more samples than that takes. */
export class Measurement {
  readonly #measure: Measure
  readonly #samples: Sample[] = []

  constructor(measure: Measure) {
    this.#measure = measure
  }

  /** `undefined` where nothing can be said. */
  take(families: readonly Family[], now: number): number | undefined {
    const measure = this.#measure
    if (measure.kind === 'gauge') return largest(families, measure.metric)
    const histogram = measure.kind === 'quantile' ? histogramOf(families, measure.metric) : undefined
    const sample: Sample =
      measure.kind === 'ratio'
        ? { at: now, of: sumOfAll(families, [measure.of]), to: sumOfAll(families, measure.to), counts: [] }
        : { at: now, of: 0, to: 0, counts: histogram?.counts ?? [] }
    // counts begin at nothing: what was counted before the first look is as new as that
    if (this.#samples.length === 0) this.#samples.push({ at: now, of: 0, to: 0, counts: [] })
    const before = this.#before(now - measure.windowMs)
    this.#samples.push(sample)
    if (measure.kind === 'ratio') {
      const counted = sample.to - before.to
      return counted < (measure.atLeast ?? 1) ? undefined : (sample.of - before.of) / counted
    }
    if (histogram === undefined) return undefined
    const counts = histogram.counts.map((count, index) => count - (before.counts[index] ?? 0))
    const count = counts.reduce((sum, each) => sum + each, 0)
    return quantileOf({ boundaries: histogram.boundaries, counts, count }, measure.quantile)
  }

  /** The newest that is as old as the window, or the oldest there is; older ones are forgotten. */
  #before(since: number): Sample {
    while (this.#samples.length > 1 && (this.#samples[1] as Sample).at <= since) this.#samples.shift()
    return this.#samples[0] as Sample
  }
}

function largest(families: readonly Family[], metric: string): number | undefined {
  const values = families.flatMap((family) =>
    family.kind !== 'histogram' && family.definition.name === metric ? family.points.map(({ value }) => value) : [],
  )
  return values.length === 0 ? undefined : Math.max(...values)
}

function sumOfAll(families: readonly Family[], names: readonly string[]): number {
  let sum = 0
  for (const family of families) {
    if (family.kind === 'counter' && names.includes(family.definition.name)) for (const { value } of family.points) sum += value
  }
  return sum
}

function histogramOf(families: readonly Family[], metric: string): HistogramValue | undefined {
  const values = families.flatMap((family) =>
    family.kind === 'histogram' && family.definition.name === metric ? family.points.map(({ value }) => value) : [],
  )
  const [first] = values
  return first === undefined ? undefined : sumOf(values, first.boundaries)
}
