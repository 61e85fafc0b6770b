const smallestMs = 0.01
const growth = 1.05

/** How long things took, in buckets that grow by 5 %: small however much was measured, and easy to add up over processes. */
export class LatencyHistogram {
  readonly #buckets = new Map<number, number>()
  #count = 0

  static bucketOf(durationMs: number): number {
    return Math.max(0, Math.round(Math.log(Math.max(durationMs, smallestMs) / smallestMs) / Math.log(growth)))
  }

  get count(): number {
    return this.#count
  }

  add(bucket: number, times = 1): void {
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + times)
    this.#count += times
  }

  addAll(other: LatencyHistogram): void {
    for (const [bucket, times] of other.#buckets) this.add(bucket, times)
  }

  /** In milliseconds, within 2.5 %; 0 where nothing was measured. */
  percentile(share: number): number {
    let left = Math.ceil(this.#count * share)
    for (const [bucket, times] of [...this.#buckets].sort(([one], [other]) => one - other)) {
      left -= times
      if (left <= 0) return smallestMs * growth ** bucket
    }
    return 0
  }
}
