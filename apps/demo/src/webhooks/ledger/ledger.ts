import type { LatencyHistogram } from './latency-histogram.js'

/** What a handler leaves behind. */
export interface Effect {
  readonly list?: ListName | undefined
  readonly line?: string | undefined
  /** Counters to raise by one. */
  readonly counts?: readonly string[] | undefined
}

export type ListName = 'feed' | 'findings'

/** What the bus reported of a delivery that was not simply handled. */
export type Incident = 'retried' | 'duplicate'

/** Keeps what the handlers did, where a killed process can't take it along: the run is checked against it. */
export interface Ledger extends AsyncDisposable {
  /**
   * The effect of one handler on one delivery, once: a second time changes nothing and counts as repeated. When it resolves, it is kept.
   * Effect and mark are one step, so that nothing is half done wherever a process dies.
   */
  record(handler: string, delivery: string, effect: Effect): void | Promise<void>
  /** Twice the same is once. */
  incident(kind: Incident, handler: string, mark: string): void
  latency(handler: string, durationMs: number): void
  /** How much there is, cheap enough to ask often. */
  progress(): Promise<LedgerProgress>
  read(): Promise<LedgerContents>
}

export interface LedgerProgress {
  readonly handled: ByHandler<number>
  readonly retried: ByHandler<number>
  readonly duplicates: ByHandler<number>
}

export interface LedgerContents {
  /** Names of deliveries. */
  readonly handled: ByHandler<readonly string[]>
  /** Runs beyond the first of a delivery, which changed nothing. */
  readonly repeated: ByHandler<number>
  readonly retried: ByHandler<number>
  readonly duplicates: ByHandler<number>
  readonly latencies: ByHandler<LatencyHistogram>
  readonly counts: ReadonlyMap<string, number>
  /** Newest first. */
  readonly lists: Readonly<Record<ListName, readonly string[]>>
}

export type ByHandler<T> = ReadonlyMap<string, T>

/** Lines that a list keeps. */
export const listLength = 200
