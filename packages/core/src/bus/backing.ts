import { StoreNotConfiguredError } from '../errors.js'
import type { MetadataDefaults } from '../event/metadata.js'
import type { Abortable, Awaitable } from '../ports/abortable.js'
import type { IClock } from '../ports/clock.js'
import type { IEventStore } from '../ports/event-store.js'
import type { Instrumentation } from '../ports/instrumentation.js'
import type { IKeyStore } from '../ports/key-store.js'
import type { ILogger } from '../ports/logger.js'
import type { WireMessage } from '../ports/message.js'
import type { IOutbox, OutboxOutlet } from '../ports/outbox.js'
import type { EventEncoding } from '../store/event-encoder.js'
import { withStoredEvents } from '../store/event-store-base.js'
import type { IStoredEvents } from '../store/stored-events.js'
import type { WireFormat } from '../wire/wire-format.js'
import { Forwarder } from './forwarder.js'
import { OutboxPublishing } from './outbox-publishing.js'
import { outgoing, sendWatched } from './sending.js'
import type { Side } from './side.js'
import { type AcceptedFirst, StoredPublishing } from './stored-publishing.js'

export interface BackingSettings {
  readonly store: IEventStore | undefined
  readonly outbox: IOutbox | undefined
  readonly service: string
  /** Names the bus among all processes. */
  readonly instance: string
  readonly defaults: MetadataDefaults
  readonly keyStore: IKeyStore | undefined
  readonly destinationOf: (topic: string, type: string) => string
  readonly clock: IClock
  readonly logger: ILogger
  readonly hooks: Instrumentation
  /** Publishes what was accepted. */
  readonly forward: (messages: readonly WireMessage[]) => Promise<void>
}

/** What a bus is made of that its own constructor makes. */
export interface BackedBus {
  readonly format: WireFormat
  /** The side that carries events between processes. */
  readonly remote: Side
}

/** What keeps events before a broker has them: an event store or an outbox, and the way from there to the broker. */
export class Backing {
  /** Where events go first; undefined where they go to the broker straight away. */
  readonly first: AcceptedFirst | undefined
  readonly forwarder: Forwarder | undefined
  readonly #settings: BackingSettings
  #bus: BackedBus | undefined
  #stored: (IEventStore & IStoredEvents) | undefined

  constructor(settings: BackingSettings) {
    this.#settings = settings
    const { store, outbox, service, instance, clock, logger } = settings
    if (store !== undefined) {
      const publish = (messages: readonly WireMessage[]): Promise<void> => this.#forward(messages)
      this.forwarder = new Forwarder({ store, name: `forward:${service}`, owner: instance, clock, logger, publish })
      this.first = new StoredPublishing(store, this.forwarder)
    } else if (outbox !== undefined) {
      this.first = new OutboxPublishing(outbox)
    }
  }

  /** Once, when the bus is made. */
  set bus(bus: BackedBus) {
    this.#bus = bus
    this.#settings.outbox?.encodeAs(this.#encoding(bus))
  }

  /** The store, for events as the bus makes them. */
  get store(): IEventStore & IStoredEvents {
    const { store, defaults, destinationOf, keyStore, logger, clock } = this.#settings
    if (store === undefined) {
      throw new StoreNotConfiguredError('This bus has no event store. Give it one: { store: new MemoryEventStore() }, or another store.')
    }
    const { format } = this.#bus as BackedBus
    return (this.#stored ??= withStoredEvents(store, { defaults, format, destinationOf, keyStore, logger, clock }))
  }

  async start(options: Abortable | undefined): Promise<void> {
    const { store, outbox } = this.#settings
    // what others save in the store from now on is stamped and encoded as here
    if (store !== undefined) void this.store
    await this.forwarder?.start()
    await outbox?.start(this.#outlet(), options)
  }

  async stop(): Promise<void> {
    await Promise.all([this.forwarder?.stop(), this.#settings.outbox?.stop()])
  }

  /** The newest event of the store, which tells whether anything was appended meanwhile. */
  async head(): Promise<string | undefined> {
    return this.#settings.store?.head()
  }

  /** Whether something waits for the broker. */
  async pending(): Promise<boolean> {
    return (await this.forwarder?.pending()) === true || (await this.#settings.outbox?.pending()) === true
  }

  async #forward(messages: readonly WireMessage[]): Promise<void> {
    const { hooks, forward } = this.#settings
    if (hooks.sending === undefined) return forward(messages)
    const destinations = messages.map(({ destination }) => destination)
    const { name } = (this.#bus as BackedBus).remote.broker
    const event = { way: 'forward', broker: name, events: messages.map(outgoing), destinations, cause: undefined } as const
    await sendWatched(hooks, event, () => forward(messages))
  }

  #outlet(): OutboxOutlet {
    const { clock, logger } = this.#settings
    const { broker } = (this.#bus as BackedBus).remote
    return {
      clock,
      logger,
      check: (message) => broker.check(message),
      publish: (messages) => this.#forward(messages),
      health: (options) => broker.health(options),
    }
  }

  /** What users add to the outbox themselves is told as what `publish` adds to it. */
  #encoding({ format, remote }: BackedBus): EventEncoding {
    const { defaults, destinationOf, keyStore, hooks } = this.#settings
    const watched: EventEncoding['watched'] = (sending, encode): Awaitable<void> =>
      sendWatched(hooks, { way: 'append', broker: remote.broker.name, ...sending }, encode)
    return { defaults, format, destinationOf, keyStore, watched: hooks.sending === undefined ? undefined : watched }
  }
}
