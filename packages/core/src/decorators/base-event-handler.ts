import type { HandlerObject, RetryStrategy } from '../bus/subscribe-options.js'
import type { HandlerContext } from '../delivery/subscriber.js'
import type { Awaitable } from '../ports/abortable.js'

/** A handler as a class. A subclass may also have `filter`, `errorHandler` and `retryStrategy`. */
export abstract class BaseEventHandler<Event extends object = object> implements HandlerObject<Event> {
  declare readonly retryStrategy?: RetryStrategy | undefined

  abstract handle(event: Event, context: HandlerContext): Awaitable<unknown>

  filter?(event: Event): boolean

  errorHandler?(error: Error, event: Event, context: HandlerContext): Awaitable<unknown>
}
