import { InvalidEventError } from '../errors.js'
import { ClassModel } from './class-model.js'
import type { EventEnvelope, EventModel } from './event-model.js'
import { type EventMetadata, type MetadataDefaults, stampMetadata } from './metadata.js'
import type { EventPriority } from './priority.js'
import { describe, modelOfEvent } from './registry.js'

/** What a publish can say in place of the event's definition. */
export interface Address {
  readonly key?: string | undefined
  readonly topic?: string | undefined
  readonly priority?: EventPriority | undefined
}

const asDefined: Address = {}
const notTaken: unique symbol = Symbol('not taken')

/** Takes the data out of the event only when it is asked for: what stays in the process may not need it. */
class Envelope implements EventEnvelope {
  readonly model: EventModel
  readonly event: object
  readonly metadata: EventMetadata
  readonly priority: EventPriority
  readonly topic: string
  readonly key: string | undefined
  #data: unknown

  constructor(model: EventModel, event: object, metadata: EventMetadata, priority: EventPriority, { topic, key }: Address) {
    this.model = model
    this.event = event
    this.metadata = metadata
    this.priority = priority
    this.topic = topic ?? model.topic
    this.#data = notTaken
    this.key = key ?? (model.keyed ? model.keyOf(this.data, metadata) : metadata.aggregateId)
  }

  get type(): string {
    return this.model.type
  }

  get version(): number {
    return this.model.version
  }

  get data(): unknown {
    return this.#data === notTaken ? (this.#data = this.model.dataOf(this.event)) : this.#data
  }
}

/**
 * Decides everything about an event that is to be published, and stamps what its metadata leaves open. Throws InvalidEventError for
 * what is no event. The data is not validated.
 */
export function toEnvelope(event: unknown, defaults: MetadataDefaults, address: Address = asDefined): EventEnvelope {
  if (typeof event !== 'object' || event === null) {
    throw new InvalidEventError(
      `${describe(event)} is no event. Publish OrderCreated({ … }) from defineEvent, an instance of an event class, or an object with a type.`,
    )
  }
  const model = modelOfEvent(event)
  let { priority } = model
  if (model instanceof ClassModel) {
    model.check(event as Readonly<Record<string, unknown>>)
    priority = model.priorityOf(event as Readonly<Record<string, unknown>>)
  }
  return new Envelope(model, event, stampMetadata(model.metadataOf(event), defaults), address.priority ?? priority, address)
}
