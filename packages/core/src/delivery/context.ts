import { AsyncLocalStorage } from 'node:async_hooks'
import type { PublishOptions } from '../bus/publish-options.js'
import type { ReceivedEvent } from '../event/event-model.js'
import type { EventMetadata, MetadataDefaults } from '../event/metadata.js'
import type { Awaitable } from '../ports/abortable.js'
import type { HandlingOutcome, Trace, Watch } from '../ports/instrumentation.js'
import type { ILogger } from '../ports/logger.js'
import type { HandlerContext, Subscriber } from './subscriber.js'

/** What an event published now takes over from the one being handled. */
export interface Ambient extends CurrentDelivery {
  /** Of the bus whose handler it is. */
  readonly closing: AbortSignal
}

/** The event that is being handled, for publishes that are not made through its context. */
export const ambient: AsyncLocalStorage<Ambient> = new AsyncLocalStorage<Ambient>()

/** What an event that is made while another is handled takes over from it. */
export function inherited(defaults: MetadataDefaults, { metadata, trace }: Ambient, watched: boolean = false): MetadataDefaults {
  return {
    ...defaults,
    correlationId: metadata.correlationId,
    causationId: metadata.eventId,
    userId: metadata.userId,
    tenantId: metadata.tenantId ?? defaults.tenantId,
    traceparent: watched ? undefined : trace?.traceparent,
    tracestate: watched ? undefined : trace?.tracestate,
  }
}

/** Runs a handler with its event as the ambient one. In a scope of its own, which ends what is entered here. */
export function runAmbient(context: DeliveryContext, subscriber: Subscriber): Awaitable<unknown> {
  ambient.enterWith(context)
  return context.watch?.enter === undefined ? subscriber.run(context.event, context) : runWatched(context, subscriber)
}

// On its own, as its closure would cost every run.
function runWatched(context: DeliveryContext, subscriber: Subscriber): Awaitable<unknown> {
  const run = (): Awaitable<unknown> => subscriber.run(context.event, context)
  return context.watch?.enter === undefined ? run() : context.watch.enter(run)
}

/** What is being handled where this is called, for logs and the like. */
export function currentDelivery(): CurrentDelivery | undefined {
  return ambient.getStore()
}

export interface CurrentDelivery {
  readonly metadata: EventMetadata
  readonly group: string
  readonly handler: string
  readonly attempt: number
  /** Of the run, where somebody traces it; else of the event, where it has one. */
  readonly trace: Trace | undefined
}

/** Publishes as part of handling `cause`; outside of a handler there is none. */
export type PublishFrom = (event: object, options: PublishOptions | undefined, cause: Ambient | undefined) => Promise<void>

/** What a context needs of the bus. */
export interface ContextHost {
  readonly group: string
  readonly logger: ILogger
  /** Aborted when the bus closes past its deadline. */
  readonly closing: AbortSignal
  readonly publish: PublishFrom
}

/** One run of one handler. Nothing in it is computed before it is asked for. */
export class DeliveryContext implements HandlerContext, Ambient {
  readonly event: object
  readonly attempt: number
  /** Set where somebody watches this run. */
  watch: Watch<HandlingOutcome> | undefined
  tx: unknown
  readonly #subscriber: Subscriber
  readonly #received: ReceivedEvent
  readonly #lost: AbortSignal
  readonly #host: ContextHost
  #abort: AbortController | undefined
  #signal: AbortSignal | undefined

  constructor(event: object, attempt: number, subscriber: Subscriber, received: ReceivedEvent, lost: AbortSignal, host: ContextHost) {
    this.event = event
    this.attempt = attempt
    this.watch = undefined
    this.#subscriber = subscriber
    this.#received = received
    this.#lost = lost
    this.#host = host
  }

  get attemptsLeft(): number {
    return this.#subscriber.retry.maxAttempts - this.attempt
  }

  get group(): string {
    return this.#host.group
  }

  get handler(): string {
    return this.#subscriber.name
  }

  get eventType(): string {
    return this.#received.type
  }

  get topic(): string {
    return this.#received.topic
  }

  get metadata(): EventMetadata {
    return this.#received.metadata
  }

  get closing(): AbortSignal {
    return this.#host.closing
  }

  get logger(): ILogger {
    return this.#host.logger
  }

  get trace(): Trace | undefined {
    if (this.watch?.trace !== undefined) return this.watch.trace
    const { traceparent, tracestate } = this.#received.metadata
    return traceparent === undefined ? undefined : { traceparent, tracestate }
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    this.#signal ??= AbortSignal.any([this.#lost, this.#host.closing, this.#abort.signal])
    return this.#signal
  }

  /** The handler's time is up. */
  abort(reason: Error): void {
    this.#abort ??= new AbortController()
    this.#abort.abort(reason)
  }

  publish(event: object, options?: PublishOptions): Promise<void> {
    return this.#host.publish(event, options, this)
  }
}
