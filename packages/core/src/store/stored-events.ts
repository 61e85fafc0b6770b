import { after, isPromise } from '../awaitable.js'
import { defaultLogger } from '../default-logger.js'
import { DecodeError, toError } from '../errors.js'
import { descriptionOf, type EventClass } from '../event/class-description.js'
import type { EventModel } from '../event/event-model.js'
import type { MetadataDefaults } from '../event/metadata.js'
import { type GeneralEvent, GeneralModel } from '../event/plain-event.js'
import { modelOfReceivedType } from '../event/registry.js'
import type { AnyEvent } from '../event/targets.js'
import type { Awaitable } from '../ports/abortable.js'
import type { IClock } from '../ports/clock.js'
import type { AppendOptions, AppendResult, ExpectedVersion, IEventStore, Position, RecordedEvent } from '../ports/event-store.js'
import type { ILogger } from '../ports/logger.js'
import { systemClock } from '../system-clock.js'
import { FieldEncryption } from '../wire/field-encryption.js'
import { type EventEncoding, encodeEvents, eventEncoding, type GivenEncoding } from './event-encoder.js'
import { StoreSubscription } from './subscription/store-subscription.js'
import { resolveSubscribeOptions, type StoreEventHandler, type StoreSubscribeOptions } from './subscription/subscribe-options.js'

/** Events instead of messages: what a store offers to application code. */
export interface IStoredEvents {
  /**
   * Appends all or none. Without an expected version nothing is checked. In a handler they take over the correlation of the event at
   * hand, and have it as their cause.
   */
  saveEvents(stream: string, events: readonly AnyEvent[], expectedVersion?: ExpectedVersion, options?: SaveOptions): Promise<AppendResult>
  /**
   * A stream's events in order, as handlers get them: upcast, validated, instances of their classes. Where the kind of event has no
   * version of its own, `version` is the stream's. `recordOf` tells where an event stands.
   */
  getEvents<Event extends object = GeneralEvent>(stream: string, fromVersion?: number): Promise<Event[]>
  /** What belongs together, over all streams, in the store's order. */
  getEventsByCorrelationId<Event extends object = GeneralEvent>(correlationId: string): Promise<Event[]>
  /** At most `batchSize` events after a position, in the store's order. Without a position, or at 0, from the beginning. */
  getAllEvents<Event extends object = GeneralEvent>(fromPosition?: Position | number, batchSize?: number): Promise<Event[]>
  /**
   * Hands every event to the handler, at least once and in the store's order: what is there, then what comes. Over all processes, one
   * subscription of a name runs at a time, from the checkpoint that is kept in the store, and retention keeps what it has not passed.
   * Resolves when it is registered.
   */
  subscribe<Event extends object = GeneralEvent>(
    options: StoreSubscribeOptions,
    handler: StoreEventHandler<Event>,
  ): Promise<StoreSubscription>
  /** One that was read, as `getEvents` gives it. Throws (or rejects with) DecodeError, which says where it stands. */
  eventOf(recorded: RecordedEvent): Awaitable<object>
}

export interface SaveOptions extends AppendOptions {
  /** For what the events do not say themselves. */
  readonly metadata?: Partial<MetadataDefaults> | undefined
}

/** How a store's own helpers make messages of events and events of messages. A bus gives its own. */
export interface StoredEventsSettings extends GivenEncoding {
  /** Told what stops subscriptions. Default: the console. */
  readonly logger?: Pick<ILogger, 'warn'> | undefined
  readonly clock?: IClock | undefined
}

/** Where an event stands in its store. */
export type EventRecord = Pick<RecordedEvent, 'stream' | 'version' | 'position' | 'recordedAt'>

const records = new WeakMap<object, EventRecord>()
const defaultBatchSize = 100

/** Where an event that a store gave stands; `undefined` for any other. */
export function recordOf(event: object): EventRecord | undefined {
  return records.get(event)
}

/** The helpers, over any store. */
export class StoredEvents implements IStoredEvents {
  readonly #store: IEventStore
  readonly #encoding: EventEncoding
  readonly #encryption: FieldEncryption
  readonly #logger: Pick<ILogger, 'warn'>
  readonly #clock: IClock

  constructor(store: IEventStore, settings: StoredEventsSettings = {}) {
    this.#store = store
    this.#encoding = eventEncoding(settings)
    this.#encryption = new FieldEncryption(settings.keyStore)
    this.#logger = settings.logger ?? defaultLogger
    this.#clock = settings.clock ?? systemClock
  }

  async saveEvents(
    stream: string,
    events: readonly AnyEvent[],
    expectedVersion: ExpectedVersion = 'any',
    { metadata, ...options }: SaveOptions = {},
  ): Promise<AppendResult> {
    const messages = await encodeEvents(events, this.#encoding, `Nothing was saved to stream "${stream}"`, { metadata })
    return this.#store.append(stream, messages, { ...options, expectedVersion })
  }

  getEvents<Event extends object>(stream: string, fromVersion: number = 0): Promise<Event[]> {
    return this.#collect(this.#store.readStream(stream, { from: fromVersion }))
  }

  getEventsByCorrelationId<Event extends object>(correlationId: string): Promise<Event[]> {
    return this.#collect(this.#store.readAll({ correlationId }))
  }

  getAllEvents<Event extends object>(fromPosition?: Position | number, batchSize: number = defaultBatchSize): Promise<Event[]> {
    const after = fromPosition === undefined || fromPosition === 0 ? undefined : String(fromPosition)
    return this.#collect(this.#store.readAll({ after, limit: batchSize }))
  }

  async subscribe<Event extends object>(options: StoreSubscribeOptions, handler: StoreEventHandler<Event>): Promise<StoreSubscription> {
    const subscription = new StoreSubscription({
      store: this.#store,
      options: resolveSubscribeOptions(options),
      handler: handler as StoreEventHandler<object>,
      receive: async (recorded) => this.eventOf(recorded),
      logger: this.#logger,
      clock: this.#clock,
    })
    await subscription.start()
    return subscription
  }

  async #collect<Event extends object>(recorded: AsyncIterable<RecordedEvent>): Promise<Event[]> {
    const events: Event[] = []
    for await (const each of recorded) events.push((await this.eventOf(each)) as Event)
    return events
  }

  eventOf(recorded: RecordedEvent): Awaitable<object> {
    try {
      const event = after(this.#encryption.open(this.#encoding.format.decode(recorded.message)), (received) => {
        const model = modelOfReceivedType(received.type)
        return after(model.receive(received), (settled) => placed(settled, model, recorded))
      })
      return isPromise(event) ? event.catch((thrown: unknown) => Promise.reject(unreadable(recorded, thrown))) : event
    } catch (thrown) {
      throw unreadable(recorded, thrown)
    }
  }
}

/** The helpers of a store: its own where it has them, else some around it. */
export function storedEventsOf(store: IEventStore): IStoredEvents {
  const own = store as IEventStore & Partial<IStoredEvents>
  return typeof own.saveEvents === 'function' && typeof own.eventOf === 'function' ? (own as IStoredEvents) : new StoredEvents(store)
}

function placed(event: object, model: EventModel, { stream, version, position, recordedAt }: RecordedEvent): object {
  if (!hasOwnVersion(event, model)) {
    Object.defineProperty(event, 'version', { value: version, writable: true, enumerable: true, configurable: true })
  }
  records.set(event, { stream, version, position, recordedAt })
  return event
}

function unreadable({ stream, version }: RecordedEvent, thrown: unknown): DecodeError {
  const cause = toError(thrown)
  return new DecodeError(`Version ${version} of stream "${stream}" can't be read. ${cause.message}`, { cause })
}

/** Whether the author of this kind of event gave it a version. An event of a type that nobody defined has none. */
function hasOwnVersion(event: object, model: EventModel): boolean {
  if (Object.isFrozen(event)) return true
  if (model instanceof GeneralModel) return false
  return Object.hasOwn(event, 'version') || descriptionOf(event.constructor as EventClass).version !== undefined
}
