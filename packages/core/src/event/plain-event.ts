import { InvalidEventError } from '../errors.js'
import { topicProblem } from '../wire/topic-pattern.js'
import { isPriority, isVersion } from './definition-options.js'
import type { EventModel, ReceivedEvent } from './event-model.js'
import { type EventMetadata, isMetadata, newMetadata } from './metadata.js'
import { EventPriority } from './priority.js'

/** Fields of a plain object that describe the event. Every other field is its data. */
const envelopeNames: ReadonlySet<string> = new Set([
  'eventId',
  'eventType',
  'idempotencyKey',
  'timestamp',
  'correlationId',
  'causationId',
  'source',
  'version',
  'metadata',
  'aggregateId',
  'aggregateType',
])
const metadataNames = ['eventId', 'idempotencyKey', 'correlationId', 'causationId', 'source', 'aggregateId', 'aggregateType'] as const

type Fields = Readonly<Record<string, unknown>>

export interface PlainParts {
  readonly data: unknown
  readonly metadata: EventMetadata
  /** `undefined` where the object does not say. */
  readonly version: number | undefined
}

/** The type that a plain object says it has. */
export function typeOfPlainEvent(event: object): string | undefined {
  const { eventType, type } = event as Fields
  const name = eventType ?? type
  return typeof name === 'string' && name !== '' ? name : undefined
}

/**
 * Takes a plain object apart. What describes the event (its id, type, time, correlation, …) becomes metadata. A field `data` is the
 * data; without one, the remaining fields are. `id` and `type` describe the event unless `eventId` or `eventType` do. An object without
 * an id gets a new one each time, so it is a new event each time.
 */
export function partsOfPlainEvent(event: object): PlainParts {
  const fields = event as Fields
  return { data: dataOfPlainEvent(fields), metadata: metadataOfPlainEvent(fields), version: versionOf(fields) }
}

function isEnvelopeName(name: string, fields: Fields): boolean {
  if (name === 'id') return fields.eventId === undefined
  if (name === 'type') return fields.eventType === undefined
  return envelopeNames.has(name)
}

function dataOfPlainEvent(fields: Fields): unknown {
  const wrapped = Object.hasOwn(fields, 'data')
  const data: Record<string, unknown> = {}
  for (const name of Object.keys(fields)) {
    if (name === '__proto__') throw new InvalidEventError('An event may not have a field "__proto__". Remove it.')
    if (isEnvelopeName(name, fields)) continue
    if (!wrapped) data[name] = fields[name]
    else if (name !== 'data' && name !== 'topic' && name !== 'priority') {
      throw new InvalidEventError(
        `Event "${typeOfPlainEvent(fields)}" has a field "${name}" beside "data", which nobody would receive. Move it into data, or into metadata.`,
      )
    }
  }
  return wrapped ? fields.data : data
}

function metadataOfPlainEvent(fields: Fields): EventMetadata {
  const inner = fields.metadata
  if (isMetadata(inner)) return inner
  if (inner !== undefined && (typeof inner !== 'object' || inner === null))
    throw new InvalidEventError('The metadata of an event must be an object.')
  const given: Record<string, unknown> = { ...inner }
  for (const name of metadataNames) {
    if (fields[name] !== undefined) given[name] = fields[name]
  }
  if (given.eventId === undefined && fields.id !== undefined) given.eventId = fields.id
  if (fields.timestamp !== undefined) given.timestamp = fields.timestamp
  return newMetadata(given as Partial<EventMetadata>)
}

/** Versions are whole numbers; of a text such as "1.2" the first part counts. */
function versionOf(fields: Fields): number | undefined {
  const { version } = fields
  if (version === undefined) return undefined
  const number = typeof version === 'string' && /^\d+(\.\d+)*$/.test(version) ? Number.parseInt(version, 10) : version
  if (isVersion(number)) return number
  throw new InvalidEventError(`Event "${typeOfPlainEvent(fields)}" has the version ${JSON.stringify(version)}. Give a whole number from 1.`)
}

/** An event of a type that nobody defined here, as a handler gets it: its data, and, where they don't clash, the data's fields on the event itself. */
export interface GeneralEvent {
  readonly type: string
  readonly version: number
  readonly data: unknown
  readonly metadata: EventMetadata
  readonly id: string
  readonly eventId: string
  readonly eventType: string
  readonly timestamp: Date
  readonly correlationId: string
  readonly source: string
  readonly causationId: string | undefined
  readonly idempotencyKey: string | undefined
  readonly aggregateId: string | undefined
  readonly aggregateType: string | undefined
  readonly [field: string]: unknown
}

class ReceivedPlainEvent {
  readonly type: string
  readonly version: number
  readonly data: unknown
  readonly metadata: EventMetadata

  constructor({ type, version, data, metadata }: ReceivedEvent) {
    this.type = type
    this.version = version
    this.data = data
    this.metadata = metadata
    if (typeof data !== 'object' || data === null || Array.isArray(data) || data instanceof Uint8Array) return
    for (const name of Object.keys(data)) {
      if (!(name in this))
        Object.defineProperty(this, name, { value: (data as Fields)[name], enumerable: true, writable: true, configurable: true })
    }
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

  get source(): string {
    return this.metadata.source
  }

  get causationId(): string | undefined {
    return this.metadata.causationId
  }

  get idempotencyKey(): string | undefined {
    return this.metadata.idempotencyKey
  }

  get aggregateId(): string | undefined {
    return this.metadata.aggregateId
  }

  get aggregateType(): string | undefined {
    return this.metadata.aggregateType
  }
}

/** The model of a type without definition. Its topic is its type; its data is whatever it is. */
export class GeneralModel implements EventModel {
  readonly keyed = false
  readonly validate = undefined

  constructor(
    readonly type: string,
    readonly version: number = 1,
    readonly topic: string = type,
    readonly priority: EventPriority = EventPriority.NORMAL,
  ) {}

  dataOf(event: object): unknown {
    return dataOfPlainEvent(event as Fields)
  }

  metadataOf(event: object): EventMetadata {
    return metadataOfPlainEvent(event as Fields)
  }

  keyOf(_data: unknown, metadata: EventMetadata): string | undefined {
    return metadata.aggregateId
  }

  receive(received: ReceivedEvent): object {
    return new ReceivedPlainEvent(received)
  }
}

/** The model of a plain object whose type has no definition. Throws InvalidEventError where its topic is none. */
export function modelOfPlainEvent(event: object, type: string): EventModel {
  const fields = event as Fields
  const wrapped = Object.hasOwn(event, 'data')
  const topic = wrapped && typeof fields.topic === 'string' ? fields.topic : type
  const problem = topicProblem(topic)
  if (problem !== undefined) throw new InvalidEventError(`Event "${type}": ${problem}`)
  return new GeneralModel(type, versionOf(fields), topic, wrapped && isPriority(fields.priority) ? fields.priority : undefined)
}
