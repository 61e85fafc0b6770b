import { Buckets, latencyBoundaries } from './buckets.js'

/** Kinds of errors that are told apart in one place; beyond that they are one. */
const mostKinds = 30
const otherKind = '_OTHER'

/** How often, by the kind of error. */
export class Outcomes {
  readonly counts: Map<string, number> = new Map()

  add(kind: string): void {
    const name = known(this.counts, kind)
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }
}

/** How long, by the kind of error. */
export class Durations {
  readonly good: Buckets = new Buckets()
  readonly failed: Map<string, Buckets> = new Map()

  record(durationMs: number, kind: string | undefined): void {
    this.#of(kind).record(durationMs / 1_000)
  }

  #of(kind: string | undefined): Buckets {
    if (kind === undefined) return this.good
    const name = known(this.failed, kind)
    let buckets = this.failed.get(name)
    if (buckets === undefined) this.failed.set(name, (buckets = new Buckets()))
    return buckets
  }
}

/** What is known of the events of one type at one destination. */
export class TypeCounts {
  sent = 0
  readonly notSent: Outcomes = new Outcomes()
  published = 0
  successes = 0
  errors = 0
  duplicates = 0
  unwanted = 0
  readonly latency: Buckets = new Buckets(latencyBoundaries)
}

/** What one handler did with the events of one destination. */
export class HandlerCounts {
  readonly durations: Durations = new Durations()
  duplicates = 0
  retries = 0
}

/** What one group got of one destination. */
export class GroupCounts {
  delivered = 0
  late = 0
  unwanted = 0
}

export class Count {
  value = 0
}

function known(map: ReadonlyMap<string, unknown>, kind: string): string {
  return map.has(kind) || map.size < mostKinds ? kind : otherKind
}
