import { DescribedModel } from './described-model.js'
import type { EventModel, ReceivedEvent } from './event-model.js'
import { type EventMetadata, newMetadata } from './metadata.js'

/** An event that is a value: made by a definition, or given to the handler of one. */
export interface ValueEvent<Type extends string = string, Data = unknown> {
  readonly type: Type
  readonly version: number
  readonly data: Data
  readonly metadata: EventMetadata
  /** What follows is read from the fields above. */
  readonly id: string
  readonly eventId: string
  readonly eventType: Type
  readonly timestamp: Date
  readonly correlationId: string
}

class MadeEvent implements ValueEvent {
  readonly #model: EventModel
  readonly type: string
  readonly version: number
  readonly data: unknown
  readonly metadata: EventMetadata

  constructor(model: EventModel, data: unknown, metadata: EventMetadata) {
    this.#model = model
    this.type = model.type
    this.version = model.version
    this.data = data
    this.metadata = metadata
  }

  static modelOf(event: object): EventModel | undefined {
    return #model in event ? event.#model : undefined
  }

  get id(): string {
    return this.metadata.eventId
  }

  get eventId(): string {
    return this.metadata.eventId
  }

  get eventType(): string {
    return this.type
  }

  get timestamp(): Date {
    return this.metadata.timestamp
  }

  get correlationId(): string {
    return this.metadata.correlationId
  }
}

/** The model of an event that `makeValueEvent` made. */
export function modelOfValue(event: object): EventModel | undefined {
  return MadeEvent.modelOf(event)
}

export function makeValueEvent(model: EventModel, data: unknown, metadata?: Partial<EventMetadata>): ValueEvent {
  return new MadeEvent(model, data, newMetadata(metadata))
}

/** Events as values: `{ type, version, data, metadata }`. */
export class ValueModel extends DescribedModel {
  dataOf(event: object): unknown {
    return MadeEvent.modelOf(event) === undefined ? this.partsOf(event).data : (event as ValueEvent).data
  }

  metadataOf(event: object): EventMetadata {
    return MadeEvent.modelOf(event) === undefined ? this.partsOf(event).metadata : (event as ValueEvent).metadata
  }

  protected build(data: unknown, received: ReceivedEvent): object {
    return new MadeEvent(this, data, received.metadata)
  }
}
