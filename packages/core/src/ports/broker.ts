import type { Abortable, Awaitable, CloseOptions } from './abortable.js'
import type { IClock } from './clock.js'
import type { IDeadLetterStore } from './dead-letter-store.js'
import type { Receive } from './delivery.js'
import type { ComponentHealth } from './health.js'
import type { IIdempotencyStore } from './idempotency-store.js'
import type { WireMessage } from './message.js'

/**
 * What carries messages. Core wraps every adapter in a managed broker, which connects once, refuses calls after `close`, keeps
 * deadlines, checks sizes and capabilities; an adapter only translates.
 */
export interface IBroker {
  /** The messaging system, as OpenTelemetry names it: `memory`, `redis`, `rabbitmq`, `kafka`. Never branch on it. */
  readonly name: string
  /** What this instance, with its options, can do. They gate calls and tests. */
  readonly capabilities: BrokerCapabilities
  /** Resolves when the broker can be used. Rejects with ConnectionError; a later call tries again. */
  connect(options: ConnectOptions): Awaitable<void>
  /**
   * Resolves when the broker has stored every message, in the given order for each key. Rejects with PublishError naming the
   * failed ones, or with outcome `unknown` where they may have been stored. Safe to call concurrently; order holds over calls too.
   */
  publish(messages: readonly WireMessage[], options?: StoreOptions): Awaitable<void>
  /** Creates the group where it is new, and hands its messages to `receive` until the consumer is stopped. Recovers by itself. */
  subscribe(source: Source, receive: Receive, options?: Abortable): Awaitable<Consumer>
  /** The destinations that exist, for subscriptions whose pattern leaves the destination open. Only where `capabilities.patterns`. */
  listDestinations?(options?: Abortable): Awaitable<readonly string[]>
  /** Groups with a position of their own, with what each has not handled. Only where `capabilities.durable`. */
  listGroups?(options?: Abortable): Awaitable<readonly GroupDescription[]>
  /** Ends a group for good: its position, its retries and its hold on trimming. */
  removeGroup?(group: string, destination: string, options?: Abortable): Awaitable<void>
  /** The broker's own place for dead letters, where `capabilities.deadLetters` is `browse`. */
  readonly deadLetters?: IDeadLetterStore | undefined
  /**
   * Where a group keeps keys that wait long for a retry, and what follows them, so that they hold no place in the window: letters, apart
   * from the dead ones, as durable as its events. Left out, such keys keep their places, and may fill the window.
   */
  parking?(group: string, destination: string): IDeadLetterStore | undefined
  /** What the groups have handled, remembered on the broker's side, where `capabilities.dedup` is `group`. */
  readonly idempotency?: IIdempotencyStore | undefined
  health(options?: Abortable): Awaitable<ComponentHealth>
  getMetrics(options?: Abortable): Awaitable<BrokerMetrics>
  /** Flushes what was accepted, then disconnects. Consumers were closed before. */
  close(options?: CloseOptions): Awaitable<void>
}

export interface ConnectOptions extends Abortable {
  readonly clock: IClock
  /** Tells what nobody waits for: a lost message, a gap, a connection that went and came. */
  readonly report: (event: BrokerEvent) => void
}

export type BrokerEvent =
  | { readonly kind: 'connected' | 'disconnected'; readonly detail: string; readonly error?: Error | undefined }
  /** Messages that a group will never see: a trimmed stream, a group that had to be created again, a lossy connection's gap. */
  | {
      readonly kind: 'loss'
      readonly detail: string
      readonly destination: string
      readonly group?: string | undefined
      readonly count?: number | undefined
    }
  | { readonly kind: 'warning'; readonly detail: string; readonly error?: Error | undefined }

export interface StoreOptions extends Abortable {
  /**
   * Told of a message, by its index, as soon as it is stored. One call carries what many callers published, and who is told need not wait
   * for the others. A broker may leave it out.
   */
  readonly stored?: ((index: number) => void) | undefined
}

export interface Source {
  /** Processes with the same group compete for its messages. */
  readonly group: string
  readonly destination: string
  /** Topic patterns that the group wants here (`*` one level, `>` the rest); a broker that can, filters by them. */
  readonly topics: readonly string[]
  /** `key`: deliveries of one key come in publish order and to one consumer at a time. Only where `capabilities.order` is `key`. */
  readonly order: 'key' | 'none'
  /** Where a group that does not exist yet begins. An existing group goes on where it was. */
  readonly from: StartPosition
  /** Every process gets its own copy; nothing is kept for one that is away. */
  readonly broadcast: boolean
  /** The most deliveries that may be unsettled at a time. */
  readonly window: number
}

export type StartPosition = 'now' | 'beginning' | Date

export interface Consumer {
  /** The topics that are wanted have changed; for brokers that filter by them. */
  setTopics?(topics: readonly string[]): Awaitable<void>
  /** No new deliveries until `resume`; those in hand go on. */
  pause(): void
  resume(): void
  /** Takes no more, for good. What is in hand can still be settled. */
  stop(): Awaitable<void>
  /** Flushes settlements, gives back what is unsettled without delay, and releases ownership. After `stop`. */
  close(): Awaitable<void>
}

export interface BrokerCapabilities {
  /** Accepted messages survive a restart of every process of ours. */
  readonly durable: boolean
  /** Messages never leave this process: nothing is gained by collecting them, and a bare name can't be a stranger's topic. */
  readonly local: boolean
  /** What order a group can ask for. */
  readonly order: 'none' | 'destination' | 'key'
  /** `from: 'beginning' | Date` for a new group, and reading again. */
  readonly replay: boolean
  /** A failed event comes again; `false` on lossy brokers. */
  readonly retry: boolean
  /** `deliverAt`. */
  readonly delayedDelivery: boolean
  /** Subscriptions that leave the destination open see destinations that appear later. */
  readonly patterns: boolean
  /** Messages of higher priority overtake others. */
  readonly priority: boolean
  readonly broadcast: boolean
  /** `false`: every process gets every message, so that only broadcast subscriptions can be had. Left out, processes of a group compete. */
  readonly groups?: boolean | undefined
  /** Attempts are counted over crashes of the consumer. */
  readonly crashCounted: boolean
  /** `browse`: listed and redriven one by one; `drain`: only as a whole; `none`: needs a store. */
  readonly deadLetters: 'browse' | 'drain' | 'none'
  /** A handler can name where the broker puts its dead letters: `exchange` and `routingKey`. */
  readonly deadLetterAddress: boolean
  /** How far the memory of handled events reaches when no idempotency store is configured. */
  readonly dedup: 'process' | 'group'
  /** Size of attributes and data together. */
  readonly maxMessageBytes: number
}

export interface BrokerMetrics {
  readonly state: 'idle' | 'connecting' | 'ready' | 'down' | 'closed'
  readonly published: number
  readonly delivered: number
  readonly acked: number
  readonly retried: number
  readonly deadLettered: number
  /** Messages that this instance's groups have not handled yet, delayed ones included. */
  readonly lag: number
  /** Of these, how many wait for their time. */
  readonly delayed: number
  /** Handed to a consumer and not settled. */
  readonly unsettled: number
}

export interface GroupDescription {
  readonly group: string
  readonly destination: string
  readonly lag: number
  readonly unsettled: number
  readonly delayed: number
  readonly consumers: number
}
