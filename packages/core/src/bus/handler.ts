import { type RetryOptions, RetryPolicy } from '../delivery/retry-policy.js'
import { Semaphore } from '../delivery/semaphore.js'
import type { HandlerContext, Middleware, Subscriber } from '../delivery/subscriber.js'
import { ConfigurationError, SubscriptionError } from '../errors.js'
import type { Awaitable } from '../ports/abortable.js'
import type { DeadLetterAddress } from '../ports/dead-letter-store.js'
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
}

/** The one plain form of every way to write a handler. Options win over what the handler says of itself, and that over the bus. */
export function toSubscriber(handler: Handler<never>, options: HandlerOptions<never>, settings: SubscriberSettings): Subscriber {
  const object = typeof handler === 'function' ? undefined : (handler as HandlerObject<object>)
  const run = typeof handler === 'function' ? (handler as HandlerFunction<object>) : bind(object)
  const strategy = object?.retryStrategy
  const failure = options.failure
  const concurrency = options.concurrency ?? settings.defaultConcurrency
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new ConfigurationError(`concurrency is ${concurrency}; give a whole number from 1.`)
  const letters = [failure?.deadLetter, strategy?.deadLetter, settings.deadLetter]
  const deadLetter = letters.find((each) => each?.enabled !== undefined)?.enabled ?? true
  const keepOrder = letters.find((each) => each?.keepOrder !== undefined)?.keepOrder ?? false
  if (keepOrder && !deadLetter)
    throw new ConfigurationError('deadLetter: { enabled: false, keepOrder: true } keeps nothing to wait behind. Leave out one of the two.')
  const limited = options.concurrency === undefined ? run : new Semaphore(concurrency).around(run, stillWanted)
  return {
    name: nameOf(handler, options, settings),
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
