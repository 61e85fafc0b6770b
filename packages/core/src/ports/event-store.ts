import type { Abortable, Awaitable, CloseOptions } from './abortable.js'
import type { ICheckpointStore } from './checkpoint-store.js'
import type { ComponentHealth } from './health.js'
import type { ILeaseStore } from './lease-store.js'
import type { WireMessage } from './message.js'

/** A place in a store's global order. Opaque: comparable only by the store, and only within its `scope`. In every store `0` is before the first event. */
export type Position = string

/** What is kept: events append-only in streams, each stream with versions 1…n, all of them in one global order. */
export interface IEventStore {
  readonly name: string
  readonly capabilities: StoreCapabilities
  /** How far readers of this store have got, kept with it. */
  readonly checkpoints: ICheckpointStore
  /** Which process reads on behalf of all, kept with it. */
  readonly leases: ILeaseStore
  connect(options?: Abortable): Awaitable<void>
  /**
   * Appends all or none, in order. Rejects with WrongExpectedVersionError, which says what was expected and found. The same event ids
   * again with the same expected version give the first result.
   */
  append(stream: string, events: readonly WireMessage[], options?: AppendOptions): Awaitable<AppendResult>
  /** In stream order (backwards where asked). An unknown stream is empty. */
  readStream(stream: string, options?: ReadStreamOptions): AsyncIterable<RecordedEvent>
  /** In global order, which agrees with each stream's order; nothing committed is skipped. */
  readAll(options?: ReadAllOptions): AsyncIterable<RecordedEvent>
  /** The position after the newest event, where a reader that wants only what comes now begins. */
  head(options?: Abortable): Awaitable<Position>
  /** About how many events come after a position; without one, how many there are. What was removed or never committed may be counted. */
  countAfter(position: Position | undefined, options?: Abortable): Awaitable<number>
  /** Gone from reads. Answers whether it was there. */
  deleteStream(stream: string, options?: AppendOptions): Awaitable<boolean>
  /** Calls back, soon and perhaps more often than needed, after something was appended in this process. Answers how to stop. */
  onAppended(callback: () => void): () => void
  health(options?: Abortable): Awaitable<ComponentHealth>
  close(options?: CloseOptions): Awaitable<void>
}

export interface StoreCapabilities {
  readonly durable: boolean
  /** Positions are comparable among stores that answer the same scope. */
  readonly scope: string
  readonly concurrentTransactions: boolean
  /** What an acknowledged append survives, in words. */
  readonly durability: string
}

/** A version, or what must hold: `any` checks nothing. */
export type ExpectedVersion = number | 'no-stream' | 'stream-exists' | 'any'

export interface AppendOptions extends Abortable {
  readonly expectedVersion?: ExpectedVersion | undefined
  /** Imported history: kept, and not forwarded to the broker. */
  readonly forward?: boolean | undefined
}

export interface AppendResult {
  /** The stream's version after the last of the events. */
  readonly version: number
  readonly position: Position
}

export interface RecordedEvent {
  readonly stream: string
  readonly version: number
  readonly position: Position
  /** Milliseconds since 1970, by the store's clock. */
  readonly recordedAt: number
  readonly forward: boolean
  readonly message: WireMessage
}

export interface ReadStreamOptions extends Abortable {
  /** First and last version wanted, both included. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly limit?: number | undefined
  readonly backwards?: boolean | undefined
}

export interface ReadAllOptions extends Abortable {
  /** Only what comes after it. */
  readonly after?: Position | undefined
  readonly limit?: number | undefined
  readonly types?: readonly string[] | undefined
  readonly correlationId?: string | undefined
  readonly aggregateType?: string | undefined
  readonly tenantId?: string | undefined
  readonly since?: Date | undefined
  readonly until?: Date | undefined
}
