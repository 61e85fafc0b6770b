import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { aborted, isPromise, resolved } from '../awaitable.js'
import { handlerDescriptions } from '../decorators/handler-descriptions.js'
import { type Ambient, ambient, type PublishFrom } from '../delivery/context.js'
import type { Middleware } from '../delivery/subscriber.js'
import { isDelay } from '../delivery/verdict.js'
import { ClosedError, ConfigurationError, PublishError, StoreNotConfiguredError, SubscriptionError, toError } from '../errors.js'
import { toEnvelope } from '../event/envelope.js'
import type { EventEnvelope } from '../event/event-model.js'
import type { MetadataDefaults } from '../event/metadata.js'
import type { AnyEvent, AnyTarget, EventOf } from '../event/targets.js'
import type { Abortable, Awaitable, CloseOptions } from '../ports/abortable.js'
import type { IBroker } from '../ports/broker.js'
import type { IClock } from '../ports/clock.js'
import type { IEventStore } from '../ports/event-store.js'
import type { HealthReport } from '../ports/health.js'
import type { Instrumentation } from '../ports/instrumentation.js'
import type { ILogger } from '../ports/logger.js'
import type { WireMessage } from '../ports/message.js'
import { withStoredEvents } from '../store/event-store-base.js'
import type { IStoredEvents } from '../store/stored-events.js'
import type { WireFormat } from '../wire/wire-format.js'
import { type DeadLetterPlace, DeadLetters } from './dead-letters.js'
import { type DestinationOf, destinationRule } from './destinations.js'
import { Forwarder } from './forwarder.js'
import { healthOf } from './health.js'
import { combineHooks } from './hooks.js'
import type { IEventBus } from './i-event-bus.js'
import { type CommonBusOptions, checkCommonOptions, clockOf, defaultLogger, defaults } from './options.js'
import type { PublishOptions } from './publish-options.js'
import { Registrations } from './registrations.js'
import type { Side } from './side.js'
import { StoredPublishing } from './stored-publishing.js'
import type { Handler, HandlerOptions, SubscribeOptions, Subscription, SubscriptionSpec } from './subscribe-options.js'

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'starting'; readonly done: Promise<void> }
  | { readonly kind: 'open' }
  | { readonly kind: 'closing'; readonly done: Promise<void> }

/** What is the same on every bus: its life, the way of an event out, and the keeping of subscriptions. */
export abstract class BusCore implements IEventBus {
  readonly deadLetters: DeadLetters
  protected readonly clock: IClock
  protected readonly hooks: Instrumentation
  protected readonly logger: ILogger
  /** Names this bus among all processes. */
  protected readonly instance: string = randomUUID()
  protected readonly destinationOf: DestinationOf
  protected readonly closing: AbortController = new AbortController()
  readonly #options: CommonBusOptions
  readonly #defaults: MetadataDefaults
  readonly #registrations: Registrations
  protected readonly stored: StoredPublishing | undefined
  readonly #forwarder: Forwarder | undefined
  #store: (IEventStore & IStoredEvents) | undefined
  #sides: readonly Side[] = []
  #state: State = { kind: 'idle' }

  constructor(options: CommonBusOptions) {
    checkCommonOptions(options)
    // every group of every destination listens while the bus drains, and a bus may have many
    setMaxListeners(0, this.closing.signal)
    this.#options = options
    this.clock = clockOf(options)
    this.logger = options.logger ?? defaultLogger
    const { instrumentation } = options
    this.hooks = combineHooks(instrumentation === undefined ? [] : ([instrumentation].flat() as Instrumentation[]), this.logger)
    this.destinationOf = destinationRule(options.destinations)
    const service = options.service ?? defaults.service
    this.#defaults = { source: service, environment: options.environment, tenantId: options.tenantId }
    this.#registrations = new Registrations({
      ...options,
      logger: this.logger,
      service,
      instance: this.instance,
      destinationOf: this.destinationOf,
      sides: () => this.#sides,
    })
    if (options.store !== undefined) {
      this.#forwarder = new Forwarder({
        store: options.store,
        name: `forward:${service}`,
        owner: this.instance,
        clock: this.clock,
        logger: this.logger,
        publish: (messages) => this.forward(messages),
      })
      this.stored = new StoredPublishing(options.store, this.#forwarder)
    }
    this.deadLetters = new DeadLetters(() => this.deadLetterPlace())
  }

  abstract getBroker(): IBroker
  protected abstract readonly format: WireFormat
  protected abstract deadLetterPlace(): Promise<DeadLetterPlace>
  /** Publishes what the store has accepted. */
  protected abstract forward(messages: readonly WireMessage[]): Promise<void>
  /** Puts an event on its way; resolves when it is accepted, or, with `wait`, when every handler here had its first attempt. */
  protected abstract send(
    envelopes: readonly EventEnvelope[],
    deliverAt: number | undefined,
    signal: AbortSignal | undefined,
    wait: boolean,
  ): Awaitable<void>

  /** Once, by the constructor of the bus. */
  protected set sides(sides: readonly Side[]) {
    this.#sides = sides
  }

  start(options?: Abortable): Promise<void> {
    if (this.#state.kind === 'open') return resolved
    if (this.#state.kind === 'starting') return this.#state.done
    if (this.#state.kind === 'closing') return Promise.reject(closedError('start'))
    const done = this.#start(options)
    this.#state = { kind: 'starting', done }
    return done
  }

  publish(event: AnyEvent, options?: PublishOptions): Promise<void> {
    return this.publishFrom(event, options, ambient.getStore())
  }

  async publishBatch(events: readonly AnyEvent[], options: PublishOptions = {}): Promise<void> {
    const cause = ambient.getStore()
    await this.#whenOpen(cause)
    const envelopes: EventEnvelope[] = []
    for (const [index, event] of events.entries()) {
      try {
        const envelope = this.#envelope(event, options, cause)
        await envelope.model.validate?.(envelope.data)
        envelopes.push(envelope)
      } catch (thrown) {
        const error = toError(thrown)
        throw new PublishError(`Nothing of the batch was sent: event ${index} is wrong. ${error.message}`, {
          cause: error,
          failed: [index],
        })
      }
    }
    if (envelopes.length > 0) await this.send(envelopes, this.#deliverAt(options), options.signal, this.#waits(cause))
  }

  subscribe<const T extends AnyTarget | readonly AnyTarget[]>(
    target: T,
    handler: Handler<EventOf<T>>,
    options?: SubscribeOptions<T>,
  ): Promise<Subscription>
  subscribe<E extends object>(target: string, handler: Handler<E>, options?: HandlerOptions<E>): Promise<Subscription>
  subscribe<E = Record<string, unknown>>(spec: SubscriptionSpec<E>): Promise<Subscription>
  subscribe(
    target: AnyTarget | readonly AnyTarget[] | SubscriptionSpec<never>,
    handler?: Handler<never>,
    options?: HandlerOptions<never>,
  ): Promise<Subscription> {
    return this.#subscribe(target, handler, options)
  }

  unsubscribe(subscription: Subscription): Promise<void> {
    return subscription.unsubscribe()
  }

  async register(handler: object): Promise<readonly Subscription[]> {
    const descriptions = handlerDescriptions(handler)
    if (descriptions.length === 0) {
      const name = handler.constructor?.name ?? 'The object'
      throw new SubscriptionError(
        `${name} has no method decorated with @HandleEvent, and its class no @EventHandler. Decorate it, or use subscribe.`,
      )
    }
    return Promise.all(descriptions.map(({ target, handler: described, options }) => this.#subscribe(target, described, options)))
  }

  use(middleware: Middleware): this {
    this.#registrations.use(middleware)
    return this
  }

  getStore(): IEventStore & IStoredEvents {
    const { store } = this.#options
    if (store !== undefined) {
      return (this.#store ??= withStoredEvents(store, { defaults: this.#defaults, format: this.format, destinationOf: this.destinationOf }))
    }
    throw new StoreNotConfiguredError('This bus has no event store. Give it one: { store: new MemoryEventStore() }, or another store.')
  }

  async idle({ signal }: Abortable = {}): Promise<void> {
    if (this.#inOwnHandler)
      throw new ConfigurationError('idle() was called by a handler of this bus, and would wait for that handler. Call it elsewhere.')
    await this.#whenOpen(undefined)
    for (;;) {
      signal?.throwIfAborted()
      const busy = await Promise.all(this.#sides.map((side) => side.busy()))
      if (!busy.includes(true) && (await this.#forwarder?.pending()) !== true) return
      await new Promise<void>((resolve) => this.clock.setTimer(resolve, 2))
    }
  }

  health(options?: Abortable): Promise<HealthReport> {
    return healthOf(this.#sides, this.#options.store, this.clock, options)
  }

  close(options: CloseOptions = {}): Promise<void> {
    const done = this.#closeOnce(options)
    if (!this.#inOwnHandler) return done
    // it waits for the handlers, so the handler that asks for it can't wait for it
    done.catch((thrown: unknown) => this.logger.error('The bus could not be closed in good order.', { error: toError(thrown).message }))
    return resolved
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** For handlers: their publishes pass while the bus closes, and take over what belongs to the event at hand. */
  protected readonly publishFrom: PublishFrom = (event, options, cause) => {
    if (this.#state.kind !== 'open' || this.#registrations.opening) return this.#publishLater(event, options, cause)
    try {
      const accepted = this.#publish(event, options, cause)
      return isPromise(accepted) ? accepted : resolved
    } catch (thrown) {
      return Promise.reject(toError(thrown))
    }
  }

  #subscribe(
    target: AnyTarget | readonly AnyTarget[] | SubscriptionSpec<never>,
    handler: Handler<never> | undefined,
    options: HandlerOptions<never> = {},
  ): Promise<Subscription> {
    try {
      if (this.#state.kind === 'closing') throw closedError('subscribe')
      const { registration, subscription } = this.#registrations.add(target, handler, options)
      if (this.#state.kind === 'idle') return Promise.resolve(subscription)
      return this.#registrations.open(registration).then(
        () => subscription,
        // nothing of it stays, so that it can be asked for again
        (refusal: unknown) => this.#registrations.forget(registration).then(() => Promise.reject(toError(refusal))),
      )
    } catch (thrown) {
      return Promise.reject(toError(thrown))
    }
  }

  #publish(event: AnyEvent, options: PublishOptions | undefined, cause: Ambient | undefined): Awaitable<void> {
    const envelope = this.#envelope(event, options, cause)
    const valid = envelope.model.validate?.(envelope.data)
    return isPromise(valid) ? this.#sendAfter(valid, envelope, options, cause) : this.#send(envelope, options, cause)
  }

  async #publishLater(event: AnyEvent, options: PublishOptions | undefined, cause: Ambient | undefined): Promise<void> {
    await this.#whenOpen(cause)
    await this.#publish(event, options, cause)
  }

  async #sendAfter(
    valid: Promise<void>,
    envelope: EventEnvelope,
    options: PublishOptions | undefined,
    cause: Ambient | undefined,
  ): Promise<void> {
    await valid
    await this.#send(envelope, options, cause)
  }

  #send(envelope: EventEnvelope, options: PublishOptions | undefined, cause: Ambient | undefined): Awaitable<void> {
    return this.send([envelope], this.#deliverAt(options), options?.signal, this.#waits(cause))
  }

  #envelope(event: AnyEvent, options: PublishOptions | undefined, cause: Ambient | undefined): EventEnvelope {
    return toEnvelope(event, cause === undefined ? this.#defaults : inherited(this.#defaults, cause), options)
  }

  #deliverAt(options: PublishOptions | undefined): number | undefined {
    if (options === undefined) return undefined
    const { deliverAt, delayMs } = options
    if (deliverAt === undefined && delayMs === undefined) return undefined
    const at = deliverAt === undefined ? this.clock.now() + (delayMs as number) : deliverAt.getTime()
    if (isDelay(at)) return at
    const given = deliverAt === undefined ? `delayMs is ${String(delayMs)}; give milliseconds` : 'deliverAt is no valid date; give a Date'
    throw new ConfigurationError(`${given}, or leave it out to deliver at once.`)
  }

  /** A publish inside a handler never waits for handlers: two that wait for each other would wait for ever. */
  #waits(cause: Ambient | undefined): boolean {
    return this.#options.waitForHandlers === true && cause === undefined
  }

  async #whenOpen(cause: Ambient | undefined): Promise<void> {
    if (this.#state.kind === 'closing') {
      if (cause === undefined || this.closing.signal.aborted) throw closedError('publish')
      return
    }
    await this.start()
    // so that a subscription gets what is published right after it; not in a handler, for which an unsubscribe may be waiting
    if (cause === undefined && this.#registrations.opening) await this.#registrations.opened()
  }

  async #start(options: Abortable | undefined): Promise<void> {
    try {
      await Promise.all(this.#sides.map((side) => side.broker.connect(options)))
      await this.#registrations.openAll(options)
      await this.#forwarder?.start()
      if (this.#state.kind === 'starting') this.#state = { kind: 'open' }
    } catch (thrown) {
      if (this.#state.kind === 'starting') this.#state = { kind: 'idle' }
      throw thrown
    }
  }

  get #inOwnHandler(): boolean {
    return ambient.getStore()?.closing === this.closing.signal
  }

  #closeOnce(options: CloseOptions): Promise<void> {
    if (this.#state.kind === 'closing') return this.#state.done
    const before = this.#state
    const done = this.#close(options, before.kind === 'starting' ? before.done : resolved)
    this.#state = { kind: 'closing', done }
    return done
  }

  async #close(
    { timeoutMs = this.#options.closeTimeoutMs ?? defaults.closeTimeoutMs, signal }: CloseOptions,
    started: Promise<void>,
  ): Promise<void> {
    await started.catch(() => undefined)
    const outOfTime = (): void => this.closing.abort(new ClosedError('The bus was closed before this handler had finished.'))
    const timer = this.clock.setTimer(outOfTime, timeoutMs)
    signal?.addEventListener('abort', outOfTime, { once: true })
    if (signal?.aborted) outOfTime()
    try {
      await Promise.all(this.#sides.map((side) => side.consumers.drain()))
      // after the handlers, whose last events are forwarded too; what can't be by now waits in the store
      await Promise.race([this.#forwarder?.stop(), aborted(this.closing.signal)])
      await Promise.all(this.#sides.map((side) => side.close({ timeoutMs, signal })))
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', outOfTime)
    }
  }
}

function inherited(defaults: MetadataDefaults, { metadata }: Ambient): MetadataDefaults {
  return {
    ...defaults,
    correlationId: metadata.correlationId,
    causationId: metadata.eventId,
    userId: metadata.userId,
    tenantId: metadata.tenantId ?? defaults.tenantId,
    traceparent: metadata.traceparent,
    tracestate: metadata.tracestate,
  }
}

function closedError(verb: string): ClosedError {
  return new ClosedError(`Can't ${verb}: the bus is closed.`)
}
