import { inInbox } from '../delivery/inbox.js'
import { type RetryOptions, RetryPolicy } from '../delivery/retry-policy.js'
import { Semaphore } from '../delivery/semaphore.js'
import type { HandlerContext, Middleware, Subscriber } from '../delivery/subscriber.js'
import { ConfigurationError, SubscriptionError } from '../errors.js'
import { Gate } from '../flow/gate.js'
import { batchingOf } from '../flow/in-batches.js'
import type { Awaitable } from '../ports/abortable.js'
import type { IClock } from '../ports/clock.js'
import type { DeadLetterAddress } from '../ports/dead-letter-store.js'
import type { IInbox } from '../ports/inbox.js'
import type { ILogger } from '../ports/logger.js'
import type { FailureDemands } from './managed-broker.js'
import type { DeadLetterOptions, Handler, HandlerFunction, HandlerObject, HandlerOptions, RetryStrategy } from './subscribe-options.js'

export interface SubscriberSettings {
  readonly group: string
  readonly matches: (type: string, topic: string) => boolean
  readonly retry: RetryOptions | undefined
  readonly deadLetter: DeadLetterOptions | undefined
  readonly middleware: readonly Middleware[]
  /** Names a handler that has no name, where that is allowed. */
  readonly nameless: (() => string) | undefined
  readonly defaultConcurrency: number
  readonly clock: IClock
  readonly logger: ILogger | undefined
}

/** The one plain form of every way to write a handler. Options win over what the handler says of itself, and that over the bus. */
export function toSubscriber(handler: Handler<never>, options: HandlerOptions<never>, settings: SubscriberSettings): Subscriber {
  const object = typeof handler === 'function' ? undefined : (handler as HandlerObject<object>)
  const batches = batchingOf(object)
  const bare = typeof handler === 'function' ? (handler as HandlerFunction<object>) : (batches?.collector(settings.clock) ?? bind(object))
  const run = options.inbox === undefined ? bare : inInbox(checkedInbox(options.inbox, batches !== undefined), bare)
  const strategy = object?.retryStrategy
  const failure = options.failure
  const concurrency = options.concurrency ?? Math.max(settings.defaultConcurrency, batches?.size ?? 1)
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new ConfigurationError(`concurrency is ${concurrency}; give a whole number from 1.`)
  const letters = [failure?.deadLetter, strategy?.deadLetter, settings.deadLetter]
  const deadLetter = letters.find((each) => each?.enabled !== undefined)?.enabled ?? true
  const keepOrder = letters.find((each) => each?.keepOrder !== undefined)?.keepOrder ?? false
  if (keepOrder && !deadLetter)
    throw new ConfigurationError('deadLetter: { enabled: false, keepOrder: true } keeps nothing to wait behind. Leave out one of the two.')
  const limited = options.concurrency === undefined ? run : new Semaphore(concurrency).around(run, stillWanted)
  const name = nameOf(handler, options, settings)
  const { flow } = options
  return {
    name,
    group: settings.group,
    priority: options.priority ?? 0,
    matches: settings.matches,
    run: compose(settings.middleware, limited),
    filter: (options.filter as Subscriber['filter']) ?? object?.filter?.bind(object),
    errorHandler: (failure?.errorHandler as Subscriber['errorHandler']) ?? object?.errorHandler?.bind(object),
    retry: new RetryPolicy(failure?.retry, strategy === undefined ? undefined : toRetryOptions(strategy), settings.retry),
    timeoutMs: failure?.timeoutMs,
    deadLetter,
    keepOrder,
    deadLetterAddress: addressOf(letters.find((each) => each?.exchange !== undefined || each?.routingKey !== undefined)),
    concurrency,
    gate: flow === undefined ? undefined : new Gate(flow, name, settings.clock, settings.logger),
  }
}

/** What the handler or its options ask for by name, so that a broker that can't do it says so. */
export function demandsOf(
  handler: Handler<never>,
  { failure }: HandlerOptions<never>,
  { retry, keepOrder, deadLetterAddress }: Subscriber,
): FailureDemands {
  const strategy = typeof handler === 'function' ? undefined : (handler as HandlerObject<object>).retryStrategy
  const asks = [failure?.retry, strategy?.maxAttempts, strategy?.backoff].some((each) => each !== undefined)
  const deadLetter = failure?.deadLetter?.enabled ?? strategy?.deadLetter?.enabled ?? keepOrder
  return { retry: asks && retry.maxAttempts > 1, deadLetter, deadLetterAddress: deadLetterAddress !== undefined }
}

function addressOf(named: DeadLetterOptions | undefined): DeadLetterAddress | undefined {
  if (named === undefined) return undefined
  const { exchange, routingKey } = named
  if (exchange !== undefined) return { exchange, routingKey }
  throw new ConfigurationError(`deadLetter.routingKey is ${JSON.stringify(routingKey)} without an exchange. Give deadLetter.exchange, too.`)
}

/** What waited for its turn until its time was up has failed already, and comes again: it must not run now. */
function stillWanted(_event: object, { signal }: HandlerContext): void {
  signal.throwIfAborted()
}

function checkedInbox(inbox: IInbox, inBatches: boolean): IInbox {
  if (inBatches) {
    throw new ConfigurationError(
      'inbox: each event has a transaction of its own, and this handler takes them in batches. Let it take one at a time.',
    )
  }
  if (typeof (inbox as Partial<IInbox> | null)?.handleOnce === 'function') return inbox
  throw new ConfigurationError("inbox must be the database of the handler's effects, such as drizzleDatabase(db) of @interline/postgres.")
}

function bind(object: HandlerObject<object> | undefined): HandlerFunction<object> {
  if (typeof object?.handle !== 'function')
    throw new SubscriptionError('A handler must be a function (event, context), or an object with a method "handle".')
  return (event, context) => object.handle(event, context)
}

function nameOf(handler: Handler<never>, options: HandlerOptions<never>, { nameless, group }: SubscriberSettings): string {
  const own = typeof handler === 'function' ? handler.name : handler.constructor === Object ? '' : handler.constructor?.name
  const name = options.name ?? own
  if (name !== undefined && name !== '') return name
  if (nameless !== undefined) return nameless()
  throw new SubscriptionError(
    `A handler of group "${group}" has no name. Its retries and dead letters are kept under its name: give it one with { name: 'order-mail' }.`,
  )
}

function compose(middleware: readonly Middleware[], run: HandlerFunction<object>): Subscriber['run'] {
  return middleware.reduceRight<HandlerFunction<object>>(
    (inner, outer) =>
      (event: object, context: HandlerContext): Awaitable<unknown> =>
        outer(context, () => inner(event, context)),
    run,
  )
}

function toRetryOptions({ maxAttempts, backoff }: RetryStrategy): RetryOptions {
  if (backoff === undefined) return { maxAttempts }
  const { delay, maxDelay, ...rest } = backoff
  return { maxAttempts, backoff: { ...rest, delayMs: rest.delayMs ?? delay, maxDelayMs: rest.maxDelayMs ?? maxDelay } }
}
