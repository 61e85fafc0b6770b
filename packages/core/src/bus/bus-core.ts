import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { aborted, isPromise, resolved } from '../awaitable.js'
import { handlerDescriptions } from '../decorators/handler-descriptions.js'
import { defaultLogger } from '../default-logger.js'
import { type Ambient, ambient, type PublishFrom } from '../delivery/context.js'
import type { Middleware } from '../delivery/subscriber.js'
import { ClosedError, ConfigurationError, SubscriptionError, toError } from '../errors.js'
import type { EventEnvelope } from '../event/event-model.js'
import type { MetadataDefaults } from '../event/metadata.js'
import type { AnyEvent, AnyTarget, EventOf } from '../event/targets.js'
import type { Abortable, Awaitable, CloseOptions } from '../ports/abortable.js'
import type { IBroker } from '../ports/broker.js'
import type { IClock } from '../ports/clock.js'
import type { IEventStore } from '../ports/event-store.js'
import type { HealthReport } from '../ports/health.js'
import type { Instrumentation, WatchedBus } from '../ports/instrumentation.js'
import type { ILogger } from '../ports/logger.js'
import type { WireMessage } from '../ports/message.js'
import type { IStoredEvents } from '../store/stored-events.js'
import { FieldEncryption } from '../wire/field-encryption.js'
import type { WireFormat } from '../wire/wire-format.js'
import { Backing } from './backing.js'
import type { BusParts } from './bus-parts.js'
import { type DeadLetterPlace, DeadLetters } from './dead-letters.js'
import { type DestinationOf, destinationRule } from './destinations.js'
import { gaugesOf } from './gauges.js'
import { healthOf, healthSettings } from './health.js'
import { combineHooks } from './hooks.js'
import type { IEventBus } from './i-event-bus.js'
import { type CommonBusOptions, checkCommonOptions, clockOf, defaults } from './options.js'
import { Outgoing } from './outgoing.js'
import type { PublishOptions } from './publish-options.js'
import { Registrations } from './registrations.js'
import { sendWatched } from './sending.js'
import type { Side } from './side.js'
import type { AcceptedFirst } from './stored-publishing.js'
import type {
  Handler,
  HandlerOptions,
  InboxHandler,
  SubscribeOptions,
  Subscription,
  SubscriptionSpec,
  WithInbox,
} from './subscribe-options.js'

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
  protected readonly encryption: FieldEncryption
  readonly #outgoing: Outgoing
  readonly #options: CommonBusOptions
  readonly #defaults: MetadataDefaults
  readonly #registrations: Registrations
  readonly #backing: Backing
  readonly #watched: WatchedBus
  #sides: readonly Side[] = []
  #state: State = { kind: 'idle' }
  #draining: Promise<void> | undefined

  constructor(options: CommonBusOptions) {
    checkCommonOptions(options)
    // every group of every destination listens while the bus drains, and a bus may have many
    setMaxListeners(0, this.closing.signal)
    this.#options = options
    this.encryption = new FieldEncryption(options.keyStore)
    this.clock = clockOf(options)
    this.logger = options.logger ?? defaultLogger
    const { instrumentation } = options
    this.hooks = combineHooks(instrumentation === undefined ? [] : ([instrumentation].flat() as Instrumentation[]), this.logger)
    this.destinationOf = destinationRule(options.destinations)
    const service = options.service ?? defaults.service
    this.#defaults = { source: service, environment: options.environment, tenantId: options.tenantId }
    const watched = this.hooks.sending !== undefined
    this.#outgoing = new Outgoing({ defaults: this.#defaults, encryption: this.encryption, clock: this.clock, watched })
    this.#registrations = new Registrations({
      ...options,
      logger: this.logger,
      service,
      instance: this.instance,
      destinationOf: this.destinationOf,
      sides: () => this.#sides,
    })
    this.#backing = new Backing({
      store: options.store,
      outbox: options.outbox,
      service,
      instance: this.instance,
      defaults: this.#defaults,
      keyStore: options.keyStore,
      destinationOf: this.destinationOf,
      clock: this.clock,
      logger: this.logger,
      hooks: this.hooks,
      forward: (messages) => this.forward(messages),
    })
    this.deadLetters = new DeadLetters(() => this.deadLetterPlace())
    this.#watched = {
      service,
      clock: this.clock,
      gauges: (asked) => this.#quietly(() => gaugesOf(this.#parts, asked)),
      health: (asked) => this.health(asked),
    }
  }

  abstract getBroker(): IBroker
  protected abstract readonly format: WireFormat
  protected abstract deadLetterPlace(): Promise<DeadLetterPlace>
  /** The name of the broker that will carry these. */
  protected abstract carrierOf(envelopes: readonly EventEnvelope[]): string
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
    // the last one carries events between processes
    this.#backing.bus = { format: this.format, remote: sides.at(-1) as Side }
  }

  /** Where events go before a broker has them, if anywhere. */
  protected get stored(): AcceptedFirst | undefined {
    return this.#backing.first
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
    const envelopes = await this.#outgoing.allReady(events, options, cause)
    if (envelopes.length > 0) await this.#send(envelopes, options, cause)
  }

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
  subscribe<E extends object>(target: string, handler: Handler<E>, options?: HandlerOptions<E>): Promise<Subscription>
  subscribe<E = Record<string, unknown>>(spec: SubscriptionSpec<E>): Promise<Subscription>
  subscribe(
    target: AnyTarget | readonly AnyTarget[] | SubscriptionSpec<never>,
    handler?: Handler<never> | InboxHandler<never, never>,
    options?: HandlerOptions<never>,
  ): Promise<Subscription> {
    return this.#subscribe(target, handler as Handler<never> | undefined, options)
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
    return this.#backing.store
  }

  async idle({ signal }: Abortable = {}): Promise<void> {
    if (this.#inOwnHandler)
      throw new ConfigurationError('idle() was called by a handler of this bus, and would wait for that handler. Call it elsewhere.')
    await this.#whenOpen(undefined)
    // What an outbox hands on between the look at its broker and the look at the outbox is seen by the next look only.
    const looks = this.#options.outbox === undefined ? 1 : 2
    for (let quiet = 0; ; ) {
      signal?.throwIfAborted()
      quiet = (await this.#isQuiet()) ? quiet + 1 : 0
      if (quiet === looks) return
      await new Promise<void>((resolve) => this.clock.setTimer(resolve, 2))
    }
  }

  health(options?: Abortable): Promise<HealthReport> {
    return this.#quietly(() => healthOf(this.#parts, options))
  }

  drain(options: CloseOptions = {}): Promise<void> {
    return this.#asHandlersMay((this.#draining ??= this.#drain(options)))
  }

  close(options: CloseOptions = {}): Promise<void> {
    return this.#asHandlersMay(this.#closeOnce(options))
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
      if (this.#draining !== undefined) throw new ClosedError("Can't subscribe: the bus is drained, and takes no more events.")
      const { registration, subscription } = this.#registrations.add(target, handler, options)
      if (this.#state.kind === 'idle') return Promise.resolve(subscription)
      const started = this.#state.kind === 'starting' ? this.#state.done : undefined
      return this.#registrations.open(registration, started).then(
        () => subscription,
        // nothing of it stays, so that it can be asked for again
        (refusal: unknown) => this.#registrations.forget(registration).then(() => Promise.reject(toError(refusal))),
      )
    } catch (thrown) {
      return Promise.reject(toError(thrown))
    }
  }

  #publish(event: AnyEvent, options: PublishOptions | undefined, cause: Ambient | undefined): Awaitable<void> {
    const envelope = this.#outgoing.ready(event, options, cause)
    return isPromise(envelope) ? this.#sendAfter(envelope, options, cause) : this.#send([envelope], options, cause)
  }

  async #publishLater(event: AnyEvent, options: PublishOptions | undefined, cause: Ambient | undefined): Promise<void> {
    await this.#whenOpen(cause)
    await this.#publish(event, options, cause)
  }

  async #sendAfter(envelope: Promise<EventEnvelope>, options: PublishOptions | undefined, cause: Ambient | undefined): Promise<void> {
    await this.#send([await envelope], options, cause)
  }

  #send(envelopes: readonly EventEnvelope[], options: PublishOptions | undefined, cause: Ambient | undefined): Awaitable<void> {
    if (this.hooks.sending !== undefined) return this.#sendWatched(envelopes, options, cause)
    return this.send(envelopes, this.#outgoing.deliverAt(options), options?.signal, this.#waits(cause))
  }

  #sendWatched(events: readonly EventEnvelope[], options: PublishOptions | undefined, cause: Ambient | undefined): Awaitable<void> {
    const way = this.stored === undefined ? 'publish' : 'append'
    const destinations = events.map(({ topic, type }) => this.destinationOf(topic, type))
    const deliverAt = this.#outgoing.deliverAt(options)
    return sendWatched(this.hooks, { way, broker: this.carrierOf(events), events, destinations, cause: cause?.trace }, () =>
      this.send(events, deliverAt, options?.signal, this.#waits(cause)),
    )
  }

  /** A publish inside a handler never waits for handlers: two that wait for each other would wait for ever. */
  #waits(cause: Ambient | undefined): boolean {
    return this.#options.waitForHandlers === true && cause === undefined
  }

  /** In this order: what is forwarded is then seen by its side, and what a handler appends or adds meanwhile by the last looks. */
  async #isQuiet(): Promise<boolean> {
    const head = await this.#backing.head()
    if (await this.#backing.pending()) return false
    const busy = await Promise.all(this.#sides.map((side) => side.busy()))
    return !busy.includes(true) && !(await this.#backing.pending()) && (await this.#backing.head()) === head
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
      await this.#backing.start(options)
      if (this.#state.kind === 'starting') {
        this.#state = { kind: 'open' }
        this.hooks.started?.(this.#watched)
      }
    } catch (thrown) {
      if (this.#state.kind === 'starting') this.#state = { kind: 'idle' }
      throw thrown
    }
  }

  #quietly<T>(run: () => T): T {
    return this.hooks.quietly === undefined ? run() : this.hooks.quietly(run)
  }

  get #parts(): BusParts {
    const { store, outbox, health } = this.#options
    const { clock } = this
    const { forwarder } = this.#backing
    return { state: this.#state.kind, sides: this.#sides, store, outbox, forwarder, clock, health: healthSettings(health) }
  }

  get #inOwnHandler(): boolean {
    return ambient.getStore()?.closing === this.closing.signal
  }

  #closeOnce(options: CloseOptions): Promise<void> {
    if (this.#state.kind === 'closing') return this.#state.done
    const before = this.#state
    this.hooks.closing?.(this.#watched)
    const done = this.#close(options, before.kind === 'starting' ? before.done : resolved)
    this.#state = { kind: 'closing', done }
    return done
  }

  async #close(options: CloseOptions, started: Promise<void>): Promise<void> {
    await started.catch(() => undefined)
    await this.#inTime(options, async () => {
      await this.#endConsumers()
      // after the handlers, whose last events are forwarded too; what can't be by now waits in the store
      await Promise.race([this.#backing.stop(), aborted(this.closing.signal)])
      await Promise.all(this.#sides.map((side) => side.close(options)))
    })
  }

  async #drain(options: CloseOptions): Promise<void> {
    if (this.#state.kind === 'closing') return this.#state.done
    if (this.#state.kind === 'starting') await this.#state.done.catch(() => undefined)
    await this.#inTime(options, () => this.#endConsumers())
  }

  async #endConsumers(): Promise<void> {
    await Promise.all(this.#sides.map((side) => side.consumers.drain()))
  }

  /** Handlers that take longer than that are aborted, and their events given back. */
  async #inTime(
    { timeoutMs = this.#options.closeTimeoutMs ?? defaults.closeTimeoutMs, signal }: CloseOptions,
    run: () => Promise<void>,
  ): Promise<void> {
    const outOfTime = (): void => this.closing.abort(new ClosedError('The bus was closed before this handler had finished.'))
    const timer = this.clock.setTimer(outOfTime, timeoutMs)
    signal?.addEventListener('abort', outOfTime, { once: true })
    if (signal?.aborted) outOfTime()
    try {
      await run()
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', outOfTime)
    }
  }

  /** What waits for the handlers can't be waited for by the handler that asks for it. */
  #asHandlersMay(done: Promise<void>): Promise<void> {
    if (!this.#inOwnHandler) return done
    done.catch((thrown: unknown) => this.logger.error('The bus could not be closed in good order.', { error: toError(thrown).message }))
    return resolved
  }
}

function closedError(verb: string): ClosedError {
  return new ClosedError(`Can't ${verb}: the bus is closed.`)
}
