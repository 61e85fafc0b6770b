import {
  type EventMetadata,
  type HandlerContext,
  type IClock,
  type IEventBus,
  isInterlineError,
  type Subscription,
  toError,
  type ValueEvent,
} from '@interline/core'
import type { Handlers } from './handlers.js'
import { makeRequest, type RequestKind } from './request.js'
import { type Outcome, ReplyEvent, type RequestEnvelope, remoteErrorOf, replyTopic, requestEvent } from './wire.js'

export interface ServerOptions {
  readonly bus: IEventBus
  readonly clock: IClock
  /** Requests of one type handled at once, in this process. */
  readonly concurrency: number | undefined
}

/** An answer that comes so much later than it was waited for is not given: clocks of two machines differ by less. */
const lateMs = 1_000

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
    const answer = (given: Outcome): Promise<void> =>
      context.publish(ReplyEvent({ to: reply.to, request: eventId, ...given }), { topic: replyTopic(reply.service) })
    try {
      await answer(outcome)
    } catch (thrown) {
      // An answer that can't travel is an answer, too; a broker that is away is asked again later.
      if (outcome.outcome === 'failed' || !isInterlineError(thrown) || thrown.retryable) throw thrown
      await answer({ outcome: 'failed', error: remoteErrorOf(thrown) })
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
