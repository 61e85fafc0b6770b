import { LatencyHistogram } from './latency-histogram.js'
import { type Effect, type Incident, type Ledger, type LedgerContents, type LedgerProgress, type ListName, listLength } from './ledger.js'

/** For runs whose handlers are all in this process. */
export class MemoryLedger implements Ledger {
  readonly #handled = new Map<string, Set<string>>()
  readonly #repeated = new Map<string, number>()
  readonly #incidents = { retried: new Map<string, Set<string>>(), duplicate: new Map<string, Set<string>>() }
  readonly #latencies = new Map<string, LatencyHistogram>()
  readonly #counts = new Map<string, number>()
  readonly #lists: Record<ListName, string[]> = { feed: [], findings: [] }

  record(handler: string, delivery: string, { list, line, counts = [] }: Effect): void {
    const handled = entry(this.#handled, handler, () => new Set())
    if (handled.has(delivery)) return void this.#repeated.set(handler, (this.#repeated.get(handler) ?? 0) + 1)
    handled.add(delivery)
    for (const name of counts) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    if (list === undefined || line === undefined) return
    this.#lists[list].unshift(line)
    this.#lists[list].length = Math.min(this.#lists[list].length, listLength)
  }

  incident(kind: Incident, handler: string, mark: string): void {
    entry(this.#incidents[kind], handler, () => new Set()).add(mark)
  }

  latency(handler: string, durationMs: number): void {
    entry(this.#latencies, handler, () => new LatencyHistogram()).add(LatencyHistogram.bucketOf(durationMs))
  }

  async progress(): Promise<LedgerProgress> {
    const { retried, duplicate } = this.#incidents
    return { handled: sizes(this.#handled), retried: sizes(retried), duplicates: sizes(duplicate) }
  }

  async read(): Promise<LedgerContents> {
    return {
      ...(await this.progress()),
      handled: new Map([...this.#handled].map(([handler, deliveries]) => [handler, [...deliveries]])),
      repeated: this.#repeated,
      latencies: this.#latencies,
      counts: this.#counts,
      lists: this.#lists,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // nothing to give back
  }
}

function entry<T>(map: Map<string, T>, key: string, make: () => T): T {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}

function sizes(sets: ReadonlyMap<string, ReadonlySet<string>>): ReadonlyMap<string, number> {
  return new Map([...sets].map(([handler, { size }]) => [handler, size]))
}
