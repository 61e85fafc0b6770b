import { AsyncResource } from 'node:async_hooks'
import {
  type Abortable,
  type AnyEvent,
  type AnyTarget,
  ClosedError,
  type CloseOptions,
  ConfigurationError,
  ConnectionError,
  DeadLetters,
  type EventOf,
  type Handler,
  type HandlerOptions,
  type HealthReport,
  type IBroker,
  type IEventBus,
  type IEventStore,
  type InboxHandler,
  type IStoredEvents,
  type Middleware,
  type PublishOptions,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionSpec,
  type WithInbox,
} from '@interline/core'
import type { HandlerAdoption } from './handler-adoption.js'

export interface ConfiguredBusSettings {
  /** The bus itself, where nothing has to be loaded for it. */
  readonly bus: IEventBus | undefined
  readonly load: () => Promise<IEventBus>
  /** Ends what was made beside the bus, after it. */
  readonly end: () => Promise<void>
  /** Who subscribes decorated handlers on it, if anybody; decided at each attempt to start. */
  readonly adopt: (bus: IEventBus) => HandlerAdoption | undefined
}

/**
 * The bus of a configuration. It is there before the packages of its adapters are: they are loaded by the first call that needs them,
 * and the calls go on to the bus itself in the order in which they came. So a subscription is checked against what the broker really
 * can do, which a stand-in for the broker would have to guess, and what is wrong with it rejects the call that made it.
 */
export class ConfiguredBus implements IEventBus {
  readonly deadLetters: DeadLetters = DeadLetters.later(async () => (await this.#loaded()).deadLetters)
  readonly #settings: ConfiguredBusSettings
  /** Where no handler of this bus runs. */
  readonly #outside: AsyncResource = new AsyncResource('interline.bus')
  readonly #middleware: Middleware[] = []
  /** Decorated instances are subscribed once, whoever asks for it. */
  #registered = new WeakMap<object, Promise<readonly Subscription[]>>()
  #bus: IEventBus | undefined
  #loading: Promise<IEventBus> | undefined
  #starting: Promise<void> | undefined
  #started = false
  #subscribed = false
  #closing: Promise<void> | undefined
  #adoption: HandlerAdoption | undefined

  constructor(settings: ConfiguredBusSettings) {
    this.#settings = settings
    this.#bus = settings.bus
  }

  start(options?: Abortable): Promise<void> {
    if (this.#started && this.#bus !== undefined) return this.#bus.start(options)
    this.#starting ??= this.#start(options).finally(() => {
      this.#starting = undefined
    })
    return this.#starting
  }

  publish(event: AnyEvent, options?: PublishOptions): Promise<void> {
    return this.#ready() ? (this.#bus as IEventBus).publish(event, options) : this.start().then(() => this.#there().publish(event, options))
  }

  publishBatch(events: readonly AnyEvent[], options?: PublishOptions): Promise<void> {
    return this.#ready()
      ? (this.#bus as IEventBus).publishBatch(events, options)
      : this.start().then(() => this.#there().publishBatch(events, options))
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
  subscribe<E = Record<string, unknown>>(spec: SubscriptionSpec<E>): Promise<Subscription>
  subscribe(
    target: AnyTarget | readonly AnyTarget[] | SubscriptionSpec<never>,
    handler?: Handler<never> | InboxHandler<never, never>,
    options?: HandlerOptions<never>,
  ): Promise<Subscription> {
    this.#subscribed = true
    return this.#whenLoaded((bus) => bus.subscribe(target as never, handler as never, options as never))
  }

  unsubscribe(subscription: Subscription): Promise<void> {
    return subscription.unsubscribe()
  }

  register(handler: object): Promise<readonly Subscription[]> {
    const known = this.#registered.get(handler)
    if (known !== undefined) return known
    this.#subscribed = true
    const subscriptions = this.#whenLoaded((bus) =>
      bus.register(handler).catch((thrown: unknown) => {
        this.#registered.delete(handler)
        throw thrown
      }),
    )
    this.#registered.set(handler, subscriptions)
    return subscriptions
  }

  use(middleware: Middleware): this {
    if (this.#bus !== undefined) this.#bus.use(middleware)
    else if (this.#subscribed)
      throw new ConfigurationError(
        'use() comes before the first subscribe: a handler that is already there would run without this middleware.',
      )
    else this.#middleware.push(middleware)
    return this
  }

  getBroker(): IBroker {
    return this.#there().getBroker()
  }

  getStore(): IEventStore & IStoredEvents {
    return this.#there().getStore()
  }

  async idle(options?: Abortable): Promise<void> {
    await this.start()
    await this.#there().idle(options)
  }

  health(options?: Abortable): Promise<HealthReport> {
    return this.#whenLoaded((bus) => bus.health(options))
  }

  async drain(options?: CloseOptions): Promise<void> {
    this.#adoption?.end()
    await (await this.#atHand())?.drain(options)
  }

  close(options?: CloseOptions): Promise<void> {
    const closing = (this.#closing ??= this.#outside.runInAsyncScope(() => this.#close(options)))
    if (!this.#asksHandler(options)) return closing
    // the bus tells its logger, and whoever closes it again is told
    closing.catch(() => undefined)
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Whether a call can go straight to the bus, with every decorated handler that there is. */
  #ready(): boolean {
    if (!this.#started) return false
    this.#adoption?.catchUp()
    return true
  }

  /** A closing bus gives one promise to all but its own handlers: what was made beside it must not end with the answer to one of these. */
  #asksHandler(options: CloseOptions | undefined): boolean {
    const bus = this.#bus
    return bus !== undefined && bus.close(options) !== this.#outside.runInAsyncScope(() => bus.close(options))
  }

  async #start(options: Abortable | undefined): Promise<void> {
    const bus = await this.#loaded()
    const adoption = this.#settings.adopt(this)
    this.#adoption = adoption
    try {
      await adoption?.begin()
      await bus.start(options)
      this.#started = true
    } catch (thrown) {
      adoption?.end()
      throw thrown
    }
  }

  #loaded(): Promise<IEventBus> {
    if (this.#bus !== undefined) return Promise.resolve(this.#bus)
    if (this.#closing !== undefined && this.#loading === undefined)
      return Promise.reject(new ClosedError('The bus was closed before it was started.'))
    this.#loading ??= this.#load()
    return this.#loading
  }

  async #load(): Promise<IEventBus> {
    try {
      const bus = await this.#settings.load()
      for (const middleware of this.#middleware) bus.use(middleware)
      this.#bus = bus
      return bus
    } catch (thrown) {
      this.#registered = new WeakMap()
      throw thrown
    } finally {
      this.#loading = undefined
    }
  }

  /** A package that is missing is told by `start`, too: so nobody has to await a subscription only to hear of that. */
  #whenLoaded<T>(call: (bus: IEventBus) => Promise<T>): Promise<T> {
    if (this.#bus !== undefined) return call(this.#bus)
    const loaded = this.#loaded()
    const result = loaded.then(call)
    loaded.catch(() => result.catch(() => undefined))
    return result
  }

  #there(): IEventBus {
    if (this.#bus !== undefined) return this.#bus
    throw new ConnectionError('The adapters of this bus are loaded when it starts, and it has not started. Await bus.start() first.')
  }

  /** What could not be loaded needs no ending, and was told to who asked for it. */
  async #atHand(): Promise<IEventBus | undefined> {
    return this.#bus ?? (await this.#loading?.catch(() => undefined))
  }

  async #close(options: CloseOptions | undefined): Promise<void> {
    this.#adoption?.end()
    try {
      await (await this.#atHand())?.close(options)
    } finally {
      await this.#settings.end()
    }
  }
}
