import {
  type EventMetadata,
  type HandlerContext,
  type IClock,
  type IEventBus,
  isInterlineError,
  Reject,
  type Subscription,
  toError,
  type ValueEvent,
} from '@interline/core'
import { pause } from '../pause.js'
import type { Handlers } from './handlers.js'
import { makeRequest, type RequestKind } from './request.js'
import { type Outcome, type ReplyAddress, ReplyEvent, type RequestEnvelope, remoteErrorOf, replyTopic, requestEvent } from './wire.js'

export interface ServerOptions {
  readonly bus: IEventBus
  readonly clock: IClock
  /** Requests of one type handled at once, in this process. */
  readonly concurrency: number | undefined
}

/** An answer that comes so much later than it was waited for is not given: clocks of two machines differ by less. */
const lateMs = 1_000
/** How soon an answer is given to the broker again. */
const shortestWaitMs = 50
const longestWaitMs = 1_000

/** Handles what other processes ask. All processes that serve a type compete for its requests. */
export class RequestServer {
  readonly #kind: RequestKind
  readonly #options: ServerOptions
  readonly #handlers: Handlers
  readonly #subscriptions = new Set<Promise<Subscription>>()

  constructor(kind: RequestKind, options: ServerOptions, handlers: Handlers) {
    this.#kind = kind
    this.#options = options
    this.#handlers = handlers
  }

  /** Resolves when requests of the type are taken; on a bus that was not started, when they will be. */
  async serve(type: string): Promise<void> {
    const event = requestEvent(this.#kind, type)
    const { bus, concurrency } = this.#options
    const name = `${this.#kind}.${type}`
    const subscription = bus.subscribe(event, (given: ValueEvent<string, RequestEnvelope>, context) => this.#take(type, given, context), {
      name,
      group: name,
      // A request that was accepted before anybody served it is not lost.
      from: 'earliest',
      concurrency,
    })
    this.#subscriptions.add(subscription)
    try {
      await subscription
    } catch (error) {
      this.#subscriptions.delete(subscription)
      throw error
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map(async (subscription) => (await subscription).unsubscribe()))
  }

  async #take(type: string, { data, metadata, eventId }: ValueEvent<string, RequestEnvelope>, context: HandlerContext): Promise<void> {
    const { id, payload, reply } = data
    const request = makeRequest(this.#kind, type, payload, { ...fieldsOf(metadata), eventId: id })
    if (reply === undefined) {
      await this.#handlers.run(request, context.signal, true)
      return
    }
    if (this.#options.clock.now() > reply.expiresAt + lateMs) return
    const outcome = await this.#outcome(() => this.#handlers.run(request, context.signal, true))
    await this.#answer(eventId, reply, outcome, context)
  }

  /** Until the broker has it or nobody waits any more. The request does not come again for that: its handler runs once. */
  async #answer(request: string, { to, service, expiresAt }: ReplyAddress, given: Outcome, context: HandlerContext): Promise<void> {
    const { clock } = this.#options
    const answer = ReplyEvent({ to, request, ...given })
    for (let waitMs = shortestWaitMs; ; waitMs = Math.min(2 * waitMs, longestWaitMs)) {
      try {
        await context.publish(answer, { topic: replyTopic(service) })
        return
      } catch (thrown) {
        const code = isInterlineError(thrown) ? thrown.code : undefined
        // a bus that is closed answers nobody, and another process would do it a second time
        if (context.signal.aborted || code === 'INTERLINE_CLOSED' || clock.now() > expiresAt + lateMs) return
        if (isInterlineError(thrown) && !thrown.retryable) {
          if (given.outcome === 'failed') throw new Reject('The answer to the request can not travel.', { cause: thrown })
          // An answer that can't travel is an answer, too.
          await this.#answer(request, { to, service, expiresAt }, { outcome: 'failed', error: remoteErrorOf(thrown) }, context)
          return
        }
        await pause(clock, waitMs, context.signal).catch(() => undefined)
      }
    }
  }

  async #outcome(run: () => Promise<unknown>): Promise<Outcome> {
    try {
      return { outcome: 'done', result: await run() }
    } catch (thrown) {
      return { outcome: 'failed', error: remoteErrorOf(toError(thrown)) }
    }
  }
}

/** Metadata that arrived has its fields behind getters. */
function fieldsOf({
  timestamp,
  correlationId,
  causationId,
  userId,
  source,
  tenantId,
  traceparent,
  tracestate,
}: EventMetadata): Partial<EventMetadata> {
  return { timestamp, correlationId, causationId, userId, source, tenantId, traceparent, tracestate }
}
