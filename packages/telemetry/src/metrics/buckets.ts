/** Seconds: the boundaries that OpenTelemetry's conventions name. */
export const operationBoundaries: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
/** From publish to handled, which may wait for long: an alert at 30 s needs to see beyond. */
export const latencyBoundaries: readonly number[] = [...operationBoundaries, 15, 30, 60, 120, 300, 600]

export interface HistogramValue {
  readonly boundaries: readonly number[]
  /** Of each bucket for itself; one more than boundaries. */
  readonly counts: readonly number[]
  readonly sum: number
  readonly count: number
  readonly min: number
  readonly max: number
}

/** A histogram that costs a few additions an event. */
export class Buckets {
  readonly boundaries: readonly number[]
  readonly #counts: number[]
  #sum = 0
  #count = 0
  #min = Number.POSITIVE_INFINITY
  #max = 0

  constructor(boundaries: readonly number[] = operationBoundaries) {
    this.boundaries = boundaries
    this.#counts = new Array(boundaries.length + 1).fill(0) as number[]
  }

  /** Clocks of two machines differ: what ends before it began took no time. */
  record(value: number): void {
    const seconds = Math.max(0, value)
    let index = 0
    while (index < this.boundaries.length && seconds > (this.boundaries[index] as number)) index++
    ;(this.#counts[index] as number)++
    this.#count++
    this.#sum += seconds
    if (seconds < this.#min) this.#min = seconds
    if (seconds > this.#max) this.#max = seconds
  }

  get value(): HistogramValue {
    const min = this.#count === 0 ? 0 : this.#min
    return { boundaries: this.boundaries, counts: [...this.#counts], sum: this.#sum, count: this.#count, min, max: this.#max }
  }
}

export function sumOf(values: readonly HistogramValue[], boundaries: readonly number[]): HistogramValue {
  const filled = values.filter(({ count }) => count > 0)
  return {
    boundaries,
    counts: Array.from({ length: boundaries.length + 1 }, (_, index) => filled.reduce((sum, { counts }) => sum + (counts[index] ?? 0), 0)),
    sum: filled.reduce((sum, value) => sum + value.sum, 0),
    count: filled.reduce((sum, { count }) => sum + count, 0),
    min: filled.length === 0 ? 0 : Math.min(...filled.map(({ min }) => min)),
    max: Math.max(0, ...filled.map(({ max }) => max)),
  }
}

/**
 * The value below which this share lies, between the boundaries of its bucket as Prometheus' `histogram_quantile` has it. `undefined`
 * where there is nothing.
 */
export function quantileOf(
  { boundaries, counts, count }: Pick<HistogramValue, 'boundaries' | 'counts' | 'count'>,
  share: number,
): number | undefined {
  if (count === 0) return undefined
  const rank = share * count
  let below = 0
  for (const [index, inside] of counts.entries()) {
    if (below + inside < rank || inside === 0) {
      below += inside
      continue
    }
    const upper = boundaries[index]
    if (upper === undefined) return boundaries.at(-1)
    const lower = boundaries[index - 1] ?? 0
    return lower + ((upper - lower) * (rank - below)) / inside
  }
  return boundaries.at(-1)
}
