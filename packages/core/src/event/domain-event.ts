import { type ClassDescription, descriptionOf, type EventClass } from './class-description.js'
import { type EventMetadata, newMetadata } from './metadata.js'
import { EventPriority } from './priority.js'

/**
 * What events written as classes share. Every instance also answers `id`, `type`, `version`, `topic` and `priority`, unless its class
 * has fields of these names; they are not declared here, so that a class may give them a type of its own.
 */
export abstract class BaseEvent {
  abstract readonly eventType: string
  readonly metadata: EventMetadata
  declare readonly eventId: string
  declare readonly timestamp: Date
  declare readonly correlationId: string

  constructor(metadata?: Partial<EventMetadata>) {
    this.metadata = newMetadata(metadata)
  }
}

/** Has the base of event classes, and so answers what every event answers. */
export function isBaseEvent(event: object): event is BaseEvent {
  return event instanceof BaseEvent
}

/** Something that happened in the business of this service. */
export abstract class DomainEvent extends BaseEvent {
  /** The aggregate that it happened to, where it was said. */
  declare readonly aggregateId: string | undefined
  declare readonly aggregateType: string | undefined

  constructor(metadata?: Partial<EventMetadata>)
  /** For classes that pass on their aggregate and payload; the payload becomes a field of the event. */
  constructor(aggregateId: string, aggregateType: string, payload?: unknown, metadata?: Partial<EventMetadata>)
  constructor(first?: Partial<EventMetadata> | string, aggregateType?: string, payload?: unknown, metadata?: Partial<EventMetadata>) {
    super(typeof first === 'string' ? { ...metadata, aggregateId: first, aggregateType } : first)
    if (payload !== undefined) Object.assign(this, { payload })
  }
}

/** Something that other services act on. */
export abstract class IntegrationEvent<Payload = Readonly<Record<string, unknown>>> extends BaseEvent {
  readonly service: string
  readonly action: string
  readonly payload: Payload

  constructor(service: string, action: string, payload: Payload, metadata?: Partial<EventMetadata>) {
    super(metadata)
    this.service = service
    this.action = action
    this.payload = payload
  }
}

export type SystemEventLevel = 'info' | 'warning' | 'error' | 'critical'

/** Something that the people who run the system want to know. */
export abstract class SystemEvent extends BaseEvent {
  readonly level: SystemEventLevel
  readonly component: string
  readonly message: string
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(
    level: SystemEventLevel,
    component: string,
    message: string,
    details?: Readonly<Record<string, unknown>>,
    metadata?: Partial<EventMetadata>,
  ) {
    super(metadata)
    this.level = level
    this.component = component
    this.message = message
    this.details = details
  }
}

type Answer = (event: BaseEvent) => unknown

/**
 * Lets the prototype answer, and lets an instance have a field of that name all the same: class fields may be defined (they then never
 * see the setter) or assigned (then the setter defines them).
 */
function answer(prototype: object, name: string, read: Answer): void {
  Object.defineProperty(prototype, name, {
    configurable: true,
    get(this: BaseEvent) {
      return this === prototype ? undefined : read(this)
    },
    set(this: BaseEvent, value: unknown) {
      Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true })
    },
  })
}

const described = (event: BaseEvent): ClassDescription => descriptionOf(event.constructor as EventClass)

const answers: Readonly<Record<string, Answer>> = {
  eventId: (event) => event.metadata.eventId,
  timestamp: (event) => event.metadata.timestamp,
  correlationId: (event) => event.metadata.correlationId,
  id: (event) => event.metadata.eventId,
  type: (event) => event.eventType,
  eventType: (event) => described(event).type ?? event.constructor.name,
  version: (event) => described(event).version ?? 1,
  topic: (event) => described(event).topic ?? event.eventType,
  priority: (event) => described(event).priority ?? EventPriority.NORMAL,
}
for (const [name, read] of Object.entries(answers)) answer(BaseEvent.prototype, name, read)
answer(DomainEvent.prototype, 'aggregateId', (event) => event.metadata.aggregateId)
answer(DomainEvent.prototype, 'aggregateType', (event) => event.metadata.aggregateType)
