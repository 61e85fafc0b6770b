import type { EventEncoding } from '../store/event-encoder.js'
import type { Abortable, Awaitable, CloseOptions } from './abortable.js'
import type { IClock } from './clock.js'
import type { ComponentHealth } from './health.js'
import type { ILogger } from './logger.js'
import type { WireMessage } from './message.js'

/**
 * Events that wait in a database for their way to the broker, so that they are committed with what they tell of, or not at all. How they
 * get there inside a transaction of the user's own is the adapter's matter; this is what a bus needs.
 */
export interface IOutbox {
  readonly name: string
  /** A bus is made with it, and makes messages of events like this: so does the outbox from now on, also before the bus starts. */
  encodeAs(encoding: EventEncoding): void
  /**
   * Opens it, and from now on hands what was added, by whichever process, to the outlet: in the order of each key, each event until the
   * outlet took it, under its own id. Several relays share the work, and no event is with two of them at a time.
   */
  start(outlet: OutboxOutlet, options?: Abortable): Awaitable<void>
  /** Adds messages in a transaction of its own. Resolves when it has committed. */
  accept(messages: readonly WireMessage[], options?: Abortable): Awaitable<void>
  /** Resolves when what was added before was handed on by this process, or is not its business, or can't be handed on now. */
  passed(): Awaitable<void>
  /** Whether anything waits that is not dead. */
  pending(options?: Abortable): Awaitable<boolean>
  health(options?: Abortable): Awaitable<ComponentHealth>
  /** What waits, for gauges. */
  getMetrics?(options?: Abortable): Awaitable<OutboxBacklog>
  /** Finishes what it is publishing and leaves the rest to others or to the next start. */
  stop(options?: CloseOptions): Awaitable<void>
}

/** Over all processes, without what was given up. */
export interface OutboxBacklog {
  readonly size: number
  /** How long the oldest has waited, 0 where nothing waits. */
  readonly oldestAgeMs: number
}

/** The way from an outbox to a broker. */
export interface OutboxOutlet {
  readonly clock: IClock
  readonly logger: ILogger
  /** Throws for a message that the broker could never carry. */
  check(message: WireMessage): void
  /** Resolves when the broker has stored every message. Rejects as a broker's `publish` does. */
  publish(messages: readonly WireMessage[]): Promise<void>
  /** Tells an outage of the broker from a message that it refuses. */
  health(options?: Abortable): Promise<ComponentHealth>
}
