import type { BackoffOptions, RetryOptions } from '../delivery/retry-policy.js'
import type { HandlerContext, InboxContext } from '../delivery/subscriber.js'
import type { AnyTarget, EventOf } from '../event/targets.js'
import type { FlowOptions } from '../flow/gate.js'
import type { Abortable, Awaitable } from '../ports/abortable.js'
import type { StartPosition } from '../ports/broker.js'
import type { IInbox } from '../ports/inbox.js'

export type HandlerFunction<E> = (event: E, context: HandlerContext) => Awaitable<unknown>

/** A handler as an object; what it says of itself gives way to the options of its subscription. */
export interface HandlerObject<E> {
  handle(event: E, context: HandlerContext): Awaitable<unknown>
  /** False: the event is not for this handler, and counts as handled. */
  filter?(event: E): boolean
  /** Told of every failed attempt. What it throws changes nothing. */
  errorHandler?(error: Error, event: E, context: HandlerContext): Awaitable<unknown>
  readonly retryStrategy?: RetryStrategy | undefined
}

/** Some houses name a handler by its interface. */
export type IEventHandler<E> = HandlerObject<E>

export type Handler<E> = HandlerFunction<E> | HandlerObject<E>

/** Retry options in the words of a handler object. */
export interface RetryStrategy {
  readonly maxAttempts?: number | undefined
  readonly backoff?:
    | (BackoffOptions & {
        /** The same as `delayMs`. */
        readonly delay?: number | undefined
        /** The same as `maxDelayMs`. */
        readonly maxDelay?: number | undefined
      })
    | undefined
  readonly deadLetter?: DeadLetterOptions | undefined
}

export interface DeadLetterOptions {
  /** False: after the last attempt the event is reported and dropped. */
  readonly enabled?: boolean | undefined
  /**
   * What follows a dead event with the same key waits behind it, until that is redriven or discarded; other keys go on. Needs order by
   * key, and dead letters that can be looked at: the broker's own, or a store. Default false.
   */
  readonly keepOrder?: boolean | undefined
  /** Where the broker puts the dead letters of this handler: only where it can (RabbitMQ), and not where a dead-letter store has them. */
  readonly exchange?: string | undefined
  readonly routingKey?: string | undefined
}

export interface FailureOptions<E> {
  readonly retry?: RetryOptions | undefined
  /** How long one run may take before it counts as failed. No limit where it is not said. */
  readonly timeoutMs?: number | undefined
  readonly deadLetter?: DeadLetterOptions | undefined
  readonly errorHandler?: HandlerObject<E>['errorHandler'] | undefined
}

export interface HandlerOptions<E = object> extends Abortable {
  /** Names the handler within its group; attempts, dedup and dead letters belong to this name. Default: the function's or class's. */
  readonly name?: string | undefined
  /** A group of its own: own position, retries and order. Default: the bus's service. */
  readonly group?: string | undefined
  /** Lower runs first among the handlers of a group. Default 0. */
  readonly priority?: number | undefined
  /** Where a group that does not exist yet begins. `earliest` is the beginning where the broker keeps one, else now. Default `now`. */
  readonly from?: StartPosition | 'earliest' | undefined
  /** Default: `key` where the broker can, else `none`. */
  readonly order?: 'key' | 'none' | undefined
  /** How many events this handler works on at once, in this process. Default 16. */
  readonly concurrency?: number | undefined
  readonly filter?: ((event: E) => boolean) | undefined
  /** Every process gets its own copy; nothing is kept for one that is away, and nothing becomes a dead letter. */
  readonly broadcast?: boolean | undefined
  readonly failure?: FailureOptions<E> | undefined
  /** How fast and how often it may run, and when it must not. */
  readonly flow?: FlowOptions | undefined
  /**
   * The database of the handler's effects: they and the memory of the event are one transaction, `context.tx`, and the event is
   * acknowledged after its commit. So they are there once, however often the event is delivered.
   */
  readonly inbox?: IInbox | undefined
}

/** A handler that is given the transaction of its inbox. */
export type InboxHandler<E, Transaction> =
  | ((event: E, context: InboxContext<Transaction>) => Awaitable<unknown>)
  | (Omit<HandlerObject<E>, 'handle'> & { handle(event: E, context: InboxContext<Transaction>): Awaitable<unknown> })

export interface WithInbox<Transaction> {
  readonly inbox: IInbox<Transaction>
}

export type SubscribeOptions<T extends AnyTarget | readonly AnyTarget[] = AnyTarget> = HandlerOptions<EventOf<T>>

/** A subscription as one object. */
export interface SubscriptionSpec<E = Record<string, unknown>> extends HandlerOptions<E> {
  /** The same as `name`. */
  readonly subscriberId?: string | undefined
  /** Event types by name, or definitions and classes. */
  readonly eventTypes: readonly AnyTarget[]
  readonly handler: Handler<E>
}

export interface Subscription extends AsyncDisposable {
  readonly name: string
  readonly group: string
  /** What was subscribed to, as text. */
  readonly pattern: string
  /** No new events for the group in this process until `resume`. A handler that is to pause alone needs a group of its own. */
  pause(): void
  resume(): void
  /** Takes no more, and resolves when what runs has finished; inside a handler at once, as that would wait for itself. */
  unsubscribe(): Promise<void>
}
