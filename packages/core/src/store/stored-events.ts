import { DecodeError, PublishError, toError } from '../errors.js'
import { descriptionOf, type EventClass } from '../event/class-description.js'
import { toEnvelope } from '../event/envelope.js'
import type { EventModel } from '../event/event-model.js'
import type { MetadataDefaults } from '../event/metadata.js'
import { type GeneralEvent, GeneralModel } from '../event/plain-event.js'
import { modelOfReceivedType } from '../event/registry.js'
import type { AnyEvent } from '../event/targets.js'
import type { AppendOptions, AppendResult, ExpectedVersion, IEventStore, Position, RecordedEvent } from '../ports/event-store.js'
import type { WireMessage } from '../ports/message.js'
import { CloudEventsFormat } from '../wire/cloud-events.js'
import type { WireFormat } from '../wire/wire-format.js'

/** Events instead of messages: what a store offers to application code. */
export interface IStoredEvents {
  /** Appends all or none. Without an expected version nothing is checked. */
  saveEvents(stream: string, events: readonly AnyEvent[], expectedVersion?: ExpectedVersion, options?: AppendOptions): Promise<AppendResult>
  /**
   * A stream's events in order, as handlers get them: upcast, validated, instances of their classes. Where the kind of event has no
   * version of its own, `version` is the stream's. `recordOf` tells where an event stands.
   */
  getEvents<Event extends object = GeneralEvent>(stream: string, fromVersion?: number): Promise<Event[]>
  /** What belongs together, over all streams, in the store's order. */
  getEventsByCorrelationId<Event extends object = GeneralEvent>(correlationId: string): Promise<Event[]>
  /** At most `batchSize` events after a position, in the store's order. Without a position, or at 0, from the beginning. */
  getAllEvents<Event extends object = GeneralEvent>(fromPosition?: Position | number, batchSize?: number): Promise<Event[]>
}

/** How a store's own helpers make messages of events and events of messages. A bus gives its own. */
export interface StoredEventsSettings {
  readonly defaults?: MetadataDefaults | undefined
  readonly format?: WireFormat | undefined
  readonly destinationOf?: ((topic: string, type: string) => string) | undefined
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
  readonly #defaults: MetadataDefaults
  readonly #format: WireFormat
  readonly #destinationOf: (topic: string, type: string) => string

  constructor(store: IEventStore, settings: StoredEventsSettings = {}) {
    this.#store = store
    this.#defaults = settings.defaults ?? { source: '' }
    this.#format = settings.format ?? new CloudEventsFormat()
    this.#destinationOf = settings.destinationOf ?? ((topic) => topic.split('.', 1)[0] as string)
  }

  async saveEvents(
    stream: string,
    events: readonly AnyEvent[],
    expectedVersion: ExpectedVersion = 'any',
    options: AppendOptions = {},
  ): Promise<AppendResult> {
    const messages: WireMessage[] = []
    for (const [index, event] of events.entries()) {
      try {
        const envelope = toEnvelope(event, this.#defaults)
        await envelope.model.validate?.(envelope.data)
        messages.push(this.#format.encode(envelope, this.#destinationOf(envelope.topic, envelope.model.type)))
      } catch (thrown) {
        const cause = toError(thrown)
        throw new PublishError(`Nothing was saved to stream "${stream}": event ${index} is wrong. ${cause.message}`, {
          cause,
          failed: [index],
        })
      }
    }
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

  async #collect<Event extends object>(recorded: AsyncIterable<RecordedEvent>): Promise<Event[]> {
    const events: Event[] = []
    for await (const each of recorded) events.push((await this.#receive(each)) as Event)
    return events
  }

  async #receive(recorded: RecordedEvent): Promise<object> {
    const { stream, version, position, recordedAt } = recorded
    try {
      const received = this.#format.decode(recorded.message)
      const model = modelOfReceivedType(received.type)
      const event = await model.receive(received)
      if (!hasOwnVersion(event, model)) {
        Object.defineProperty(event, 'version', { value: version, writable: true, enumerable: true, configurable: true })
      }
      records.set(event, { stream, version, position, recordedAt })
      return event
    } catch (thrown) {
      const cause = toError(thrown)
      throw new DecodeError(`Version ${version} of stream "${stream}" can't be read. ${cause.message}`, { cause })
    }
  }
}

/** Whether the author of this kind of event gave it a version. An event of a type that nobody defined has none. */
function hasOwnVersion(event: object, model: EventModel): boolean {
  if (Object.isFrozen(event)) return true
  if (model instanceof GeneralModel) return false
  return Object.hasOwn(event, 'version') || descriptionOf(event.constructor as EventClass).version !== undefined
}
