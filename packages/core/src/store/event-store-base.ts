import type { GeneralEvent } from '../event/plain-event.js'
import type { AnyEvent } from '../event/targets.js'
import type { Abortable, Awaitable, CloseOptions } from '../ports/abortable.js'
import type { ICheckpointStore } from '../ports/checkpoint-store.js'
import type {
  AppendOptions,
  AppendResult,
  ExpectedVersion,
  IEventStore,
  Position,
  ReadAllOptions,
  ReadStreamOptions,
  RecordedEvent,
  StoreCapabilities,
} from '../ports/event-store.js'
import type { ComponentHealth } from '../ports/health.js'
import type { ILeaseStore } from '../ports/lease-store.js'
import type { WireMessage } from '../ports/message.js'
import { type FollowOptions, follow } from './follow.js'
import { type IStoredEvents, type SaveOptions, StoredEvents, type StoredEventsSettings } from './stored-events.js'
import type { StoreSubscription } from './subscription/store-subscription.js'
import type { StoreEventHandler, StoreSubscribeOptions } from './subscription/subscribe-options.js'

/** What every event store shares: the helpers that take and give events, and the hints of what was appended here. */
export abstract class EventStoreBase implements IEventStore, IStoredEvents, AsyncDisposable {
  abstract readonly name: string
  abstract readonly capabilities: StoreCapabilities
  abstract readonly checkpoints: ICheckpointStore
  abstract readonly leases: ILeaseStore
  #events: StoredEvents | undefined
  readonly #callbacks = new Set<() => void>()

  abstract connect(options?: Abortable): Awaitable<void>
  abstract append(stream: string, events: readonly WireMessage[], options?: AppendOptions): Awaitable<AppendResult>
  abstract readStream(stream: string, options?: ReadStreamOptions): AsyncIterable<RecordedEvent>
  abstract readAll(options?: ReadAllOptions): AsyncIterable<RecordedEvent>
  abstract head(options?: Abortable): Awaitable<Position>
  abstract countAfter(position: Position | undefined, options?: Abortable): Awaitable<number>
  abstract deleteStream(stream: string, options?: AppendOptions): Awaitable<boolean>
  abstract health(options?: Abortable): Awaitable<ComponentHealth>
  abstract close(options?: CloseOptions): Awaitable<void>

  onAppended(callback: () => void): () => void {
    // A wrapper of its own, so that the same function given twice is stopped one at a time.
    const call = (): void => callback()
    this.#callbacks.add(call)
    return () => void this.#callbacks.delete(call)
  }

  /** What is there and what comes, until the signal is aborted. */
  follow(options?: FollowOptions): AsyncGenerator<RecordedEvent, void, undefined> {
    return follow(this, options)
  }

  saveEvents(stream: string, events: readonly AnyEvent[], expectedVersion?: ExpectedVersion, options?: SaveOptions): Promise<AppendResult> {
    return this.#stored().saveEvents(stream, events, expectedVersion, options)
  }

  getEvents<Event extends object = GeneralEvent>(stream: string, fromVersion?: number): Promise<Event[]> {
    return this.#stored().getEvents<Event>(stream, fromVersion)
  }

  getEventsByCorrelationId<Event extends object = GeneralEvent>(correlationId: string): Promise<Event[]> {
    return this.#stored().getEventsByCorrelationId<Event>(correlationId)
  }

  getAllEvents<Event extends object = GeneralEvent>(fromPosition?: Position | number, batchSize?: number): Promise<Event[]> {
    return this.#stored().getAllEvents<Event>(fromPosition, batchSize)
  }

  eventOf(recorded: RecordedEvent): Awaitable<object> {
    return this.#stored().eventOf(recorded)
  }

  subscribe<Event extends object = GeneralEvent>(
    options: StoreSubscribeOptions,
    handler: StoreEventHandler<Event>,
  ): Promise<StoreSubscription> {
    return this.#stored().subscribe<Event>(options, handler)
  }

  /** For the bus that the store is given to: its helpers then stamp, encode and decode as the bus does. */
  bind(settings: StoredEventsSettings): void {
    this.#events = new StoredEvents(this, settings)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Tells who asked by `onAppended`. They must not throw. */
  protected appended(): void {
    for (const callback of this.#callbacks) callback()
  }

  #stored(): StoredEvents {
    return (this.#events ??= new StoredEvents(this))
  }
}

/** Any store with the helpers: itself where it has them, else the helpers around it. */
export function withStoredEvents(store: IEventStore, settings: StoredEventsSettings): IEventStore & IStoredEvents {
  if (store instanceof EventStoreBase) {
    store.bind(settings)
    return store
  }
  const events = new StoredEvents(store, settings)
  const helpers: IStoredEvents = {
    saveEvents: (...words) => events.saveEvents(...words),
    getEvents: (...words) => events.getEvents(...words),
    getEventsByCorrelationId: (...words) => events.getEventsByCorrelationId(...words),
    getAllEvents: (...words) => events.getAllEvents(...words),
    eventOf: (recorded) => events.eventOf(recorded),
    subscribe: (options, handler) => events.subscribe(options, handler),
  }
  return new Proxy(store, {
    get(target, name) {
      if (Object.hasOwn(helpers, name)) return helpers[name as keyof IStoredEvents]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  }) as IEventStore & IStoredEvents
}
