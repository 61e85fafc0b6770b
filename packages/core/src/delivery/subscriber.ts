import type { PublishOptions } from '../bus/publish-options.js'
import type { Gate } from '../flow/gate.js'
import type { Awaitable } from '../ports/abortable.js'
import type { DeadLetterAddress } from '../ports/dead-letter-store.js'
import type { Trace } from '../ports/instrumentation.js'
import type { ILogger } from '../ports/logger.js'
import type { RetryPolicy } from './retry-policy.js'

/** What a handler is told about the event that it gets, and what it may do while it runs. */
export interface HandlerContext {
  /** The event, for middleware. */
  readonly event: object
  /** 1 on the first run; counted over retries, crashes and processes. */
  readonly attempt: number
  readonly group: string
  /** The handler's name. */
  readonly handler: string
  readonly topic: string
  /** Attempts that are still possible after this one. */
  readonly attemptsLeft: number
  /** Aborted when the delivery is lost, the handler's time is up, or the bus closes past its deadline. */
  readonly signal: AbortSignal
  readonly logger: ILogger
  /** The W3C trace to go on with: of this run, where somebody traces it, else of the event, where it carries one. */
  readonly trace: Trace | undefined
  /** The transaction that the handler's effects belong to, where the subscription has an inbox. */
  readonly tx?: unknown
  /** Publishes with the event's correlation, and the event as the cause. Resolves on acceptance. */
  publish(event: object, options?: PublishOptions): Promise<void>
}

/** What a handler of a subscription with an inbox is told. */
export interface InboxContext<Transaction> extends HandlerContext {
  readonly tx: Transaction
}

export type Middleware = (context: HandlerContext, next: () => Awaitable<unknown>) => Awaitable<unknown>

/** A subscription as the engine knows it: one handler, by name, in one group. */
export interface Subscriber {
  readonly name: string
  readonly group: string
  /** Lower runs first. */
  readonly priority: number
  matches(type: string, topic: string): boolean
  /** The handler inside its middleware. */
  run(event: object, context: HandlerContext): Awaitable<unknown>
  readonly filter: ((event: object) => boolean) | undefined
  readonly errorHandler: ((error: Error, event: object, context: HandlerContext) => Awaitable<unknown>) | undefined
  readonly retry: RetryPolicy
  readonly timeoutMs: number | undefined
  /** False: after the last attempt the event is reported and dropped. */
  readonly deadLetter: boolean
  /** What follows a dead event with the same key waits behind it. */
  readonly keepOrder: boolean
  /** Where in the broker its dead letters go, where it names a place. */
  readonly deadLetterAddress: DeadLetterAddress | undefined
  readonly concurrency: number
  /** What it passes before each run. */
  readonly gate?: Gate | undefined
}
