import type { Middleware } from '../delivery/subscriber.js'
import type { AnyEvent, AnyTarget, EventOf } from '../event/targets.js'
import type { Abortable, CloseOptions } from '../ports/abortable.js'
import type { IBroker } from '../ports/broker.js'
import type { IEventStore } from '../ports/event-store.js'
import type { HealthReport } from '../ports/health.js'
import type { IStoredEvents } from '../store/stored-events.js'
import type { DeadLetters } from './dead-letters.js'
import type { PublishOptions } from './publish-options.js'
import type {
  Handler,
  HandlerOptions,
  InboxHandler,
  SubscribeOptions,
  Subscription,
  SubscriptionSpec,
  WithInbox,
} from './subscribe-options.js'

/** What user code holds. */
export interface IEventBus extends AsyncDisposable {
  /** Connects and begins to consume. What the broker refuses of the subscriptions so far rejects it. Twice is once. */
  start(options?: Abortable): Promise<void>
  /** Resolves when durably accepted. On a bus that was not started it starts it. */
  publish(event: AnyEvent, options?: PublishOptions): Promise<void>
  /** As one batch, in order. Rejects with PublishError, whose `failed` names the events by index. */
  publishBatch(events: readonly AnyEvent[], options?: PublishOptions): Promise<void>
  /** Resolves when registered; on a bus that starts or has started, when it consumes. With an inbox, the handler is given its transaction. */
  subscribe<const T extends AnyTarget | readonly AnyTarget[], Transaction>(
    target: T,
    handler: InboxHandler<EventOf<T>, Transaction>,
    options: SubscribeOptions<T> & WithInbox<Transaction>,
  ): Promise<Subscription>
  subscribe<const T extends AnyTarget | readonly AnyTarget[]>(
    target: T,
    handler: Handler<EventOf<T>>,
    options?: SubscribeOptions<T>,
  ): Promise<Subscription>
  /** By a type's name, a topic or a pattern, with a handler that says what it takes. */
  subscribe<E extends object>(target: string, handler: Handler<E>, options?: HandlerOptions<E>): Promise<Subscription>
  subscribe<E = Record<string, unknown>>(spec: SubscriptionSpec<E>): Promise<Subscription>
  unsubscribe(subscription: Subscription): Promise<void>
  /** Subscribes what an instance's decorators describe. */
  register(handler: object): Promise<readonly Subscription[]>
  /** Runs around every attempt of every handler. Before the first subscribe. */
  use(middleware: Middleware): this
  readonly deadLetters: DeadLetters
  getBroker(): IBroker
  /** The store of this bus, whose helpers take and give events as the bus does. Throws StoreNotConfiguredError. */
  getStore(): IEventStore & IStoredEvents
  /** Resolves when nothing is left to do: every event handled, retries included. For tests and scripts; not for handlers. */
  idle(options?: Abortable): Promise<void>
  health(options?: Abortable): Promise<HealthReport>
  /**
   * Takes no more events, and resolves when the handlers that run have finished; publishing goes on until `close`. For a program that
   * still answers requests while it ends. Twice gives the same promise, and a handler gets its answer at once, as by `close`.
   */
  drain(options?: CloseOptions): Promise<void>
  /**
   * Takes no more, lets handlers finish, then disconnects. Twice gives the same promise. A handler that calls it gets its answer at once,
   * as the bus waits for that handler.
   */
  close(options?: CloseOptions): Promise<void>
}
