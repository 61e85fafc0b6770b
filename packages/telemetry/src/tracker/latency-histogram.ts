import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

const highestMicroseconds = 24 * 3_600 * 1_000_000

/**
 * Node's own HDR histogram, in milliseconds: percentiles that are wrong by one in a hundred at most, in 50 kB, whatever is recorded. What
 * takes more than a day counts as a day.
 */
export class LatencyHistogram {
  readonly #histogram: RecordableHistogram = createHistogram({ lowest: 1, highest: highestMicroseconds, figures: 2 })
  #sumMs = 0

  record(milliseconds: number): void {
    const bounded = Math.min(Math.max(milliseconds * 1_000, 1), highestMicroseconds)
    this.#sumMs += bounded / 1_000
    this.#histogram.record(Math.round(bounded))
  }

  add(other: LatencyHistogram): void {
    this.#histogram.add(other.#histogram)
    this.#sumMs += other.#sumMs
  }

  get count(): number {
    return this.#histogram.count
  }

  get sumMs(): number {
    return this.#sumMs
  }

  get meanMs(): number {
    return this.count === 0 ? 0 : this.#sumMs / this.count
  }

  percentile(percentile: number): number {
    return this.count === 0 ? 0 : this.#histogram.percentile(percentile) / 1_000
  }
}
