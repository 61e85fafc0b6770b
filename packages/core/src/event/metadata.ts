import { InvalidEventError } from '../errors.js'
import type { Trace } from '../ports/instrumentation.js'
import { newEventId } from './event-id.js'

/** What is known of an event beside its data. */
export interface EventMetadata {
  /** UUID version 7 unless one was given. Two events with the same source and id are one event. */
  readonly eventId: string
  readonly timestamp: Date
  /** What belongs together; the event's own id where nothing was said. */
  readonly correlationId: string
  /** The id of the event whose handler published this one. */
  readonly causationId?: string | undefined
  readonly userId?: string | undefined
  /** The service that it came from. Empty until it is published. */
  readonly source: string
  readonly environment?: string | undefined
  readonly tenantId?: string | undefined
  /** A second event of the same type with this key is a duplicate, whatever its id. */
  readonly idempotencyKey?: string | undefined
  readonly aggregateId?: string | undefined
  readonly aggregateType?: string | undefined
  /** W3C Trace Context of the place where the event began. */
  readonly traceparent?: string | undefined
  readonly tracestate?: string | undefined
}

/** The same, under the name that interfaces have in some houses. */
export type IEventMetadata = EventMetadata

/** What a bus knows for events that don't say it themselves. */
export interface MetadataDefaults {
  readonly source: string
  readonly environment?: string | undefined
  readonly tenantId?: string | undefined
  readonly correlationId?: string | undefined
  readonly causationId?: string | undefined
  readonly userId?: string | undefined
  readonly aggregateId?: string | undefined
  readonly aggregateType?: string | undefined
  readonly traceparent?: string | undefined
  readonly tracestate?: string | undefined
}

const textFields = [
  'eventId',
  'correlationId',
  'causationId',
  'userId',
  'source',
  'environment',
  'tenantId',
  'idempotencyKey',
  'aggregateId',
  'aggregateType',
  'traceparent',
  'tracestate',
] as const satisfies readonly (keyof EventMetadata)[]
const fieldNames: ReadonlySet<string> = new Set([...textFields, 'timestamp'])
const nothing: Partial<EventMetadata> = Object.freeze({})
const inspect = Symbol.for('nodejs.util.inspect.custom')

/**
 * Metadata of an event that was made in this process. Its id and its Date are made when somebody asks, as an event that never leaves
 * the process may never need them.
 */
class FreshMetadata implements EventMetadata {
  #eventId: string | undefined
  #correlationId: string | undefined
  #timestamp: Date | undefined
  #milliseconds: number
  #stamped = false
  causationId: string | undefined
  userId: string | undefined
  source: string
  environment: string | undefined
  tenantId: string | undefined
  idempotencyKey: string | undefined
  aggregateId: string | undefined
  aggregateType: string | undefined
  traceparent: string | undefined
  tracestate: string | undefined

  constructor(given: Partial<EventMetadata>, milliseconds: number) {
    this.#eventId = given.eventId
    this.#correlationId = given.correlationId
    this.#timestamp = undefined
    this.#milliseconds = milliseconds
    this.causationId = given.causationId
    this.userId = given.userId
    this.source = given.source ?? ''
    this.environment = given.environment
    this.tenantId = given.tenantId
    this.idempotencyKey = given.idempotencyKey
    this.aggregateId = given.aggregateId
    this.aggregateType = given.aggregateType
    this.traceparent = given.traceparent
    this.tracestate = given.tracestate
  }

  get eventId(): string {
    return (this.#eventId ??= newEventId(this.#milliseconds))
  }

  get timestamp(): Date {
    return (this.#timestamp ??= new Date(this.#milliseconds))
  }

  get correlationId(): string {
    return (this.#correlationId ??= this.eventId)
  }

  /** Once: what the first publish decided stays, so that a second try is the same event. */
  stamp(defaults: MetadataDefaults): void {
    if (this.#stamped) return
    this.#stamped = true
    this.#correlationId ??= defaults.correlationId
    this.causationId ??= defaults.causationId
    this.userId ??= defaults.userId
    if (this.source === '') this.source = defaults.source
    this.environment ??= defaults.environment
    this.tenantId ??= defaults.tenantId
    this.aggregateId ??= defaults.aggregateId
    this.aggregateType ??= defaults.aggregateType
    if (this.traceparent === undefined) {
      this.traceparent = defaults.traceparent
      this.tracestate = defaults.tracestate
    }
  }

  static is(value: unknown): value is FreshMetadata {
    return typeof value === 'object' && value !== null && #stamped in value
  }

  toJSON(): Partial<EventMetadata> {
    const { eventId, timestamp, correlationId } = this
    return Object.assign({ eventId, timestamp, correlationId }, this)
  }

  [inspect](): unknown {
    return this.toJSON()
  }
}

/** Metadata that arrived whole. */
class ArrivedMetadata implements EventMetadata {
  constructor(
    readonly eventId: string,
    readonly timestamp: Date,
    readonly correlationId: string,
    readonly source: string,
    readonly causationId: string | undefined,
    readonly userId: string | undefined,
    readonly environment: string | undefined,
    readonly tenantId: string | undefined,
    readonly idempotencyKey: string | undefined,
    readonly aggregateId: string | undefined,
    readonly aggregateType: string | undefined,
    readonly traceparent: string | undefined,
    readonly tracestate: string | undefined,
  ) {}
}

/** Makes an event's metadata from what its author gave. Throws InvalidEventError for a field that does not exist or is no text. */
export function newMetadata(given?: Partial<EventMetadata>): EventMetadata {
  if (given === undefined) return new FreshMetadata(nothing, Date.now())
  if (FreshMetadata.is(given) || given instanceof ArrivedMetadata) return new FreshMetadata(given, given.timestamp.getTime())
  checkMetadata(given)
  return new FreshMetadata(given, given.timestamp === undefined ? Date.now() : toMilliseconds(given.timestamp))
}

/** The metadata of an event that was read from a message, where nothing is missing but what may be. */
export function arrivedMetadata(fields: EventMetadata): EventMetadata {
  return new ArrivedMetadata(
    fields.eventId,
    fields.timestamp,
    fields.correlationId,
    fields.source,
    fields.causationId,
    fields.userId,
    fields.environment,
    fields.tenantId,
    fields.idempotencyKey,
    fields.aggregateId,
    fields.aggregateType,
    fields.traceparent,
    fields.tracestate,
  )
}

/** Fills in what the event does not say itself. The same object again, unless it is a stranger's. */
export function stampMetadata(metadata: EventMetadata, defaults: MetadataDefaults): EventMetadata {
  if (FreshMetadata.is(metadata)) {
    metadata.stamp(defaults)
    return metadata
  }
  if (metadata instanceof ArrivedMetadata) return metadata
  return stampMetadata(newMetadata(metadata), defaults)
}

/** Gives metadata that was made here a trace, where it has none and is still to be published for the first time. */
export function stampTrace(metadata: object, { traceparent, tracestate }: Trace): void {
  if (!FreshMetadata.is(metadata) || metadata.traceparent !== undefined || Object.isFrozen(metadata)) return
  metadata.traceparent = traceparent
  metadata.tracestate = tracestate
}

/** True for metadata that this module made. */
export function isMetadata(value: unknown): value is EventMetadata {
  return FreshMetadata.is(value) || value instanceof ArrivedMetadata
}

/** A time stamp as people write it (a Date, ISO text, milliseconds), as milliseconds since 1970. */
export function toMilliseconds(value: unknown): number {
  const milliseconds =
    value instanceof Date
      ? value.getTime()
      : typeof value === 'number' || typeof value === 'string'
        ? new Date(value).getTime()
        : Number.NaN
  if (!Number.isNaN(milliseconds)) return milliseconds
  throw new InvalidEventError(`The event's timestamp is no time (${typeof value}). Give a Date, ISO 8601 text or milliseconds since 1970.`)
}

function checkMetadata(given: unknown): asserts given is Partial<EventMetadata> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidEventError('The metadata of an event must be an object such as { correlationId: "req-1" }.')
  }
  for (const name of textFields) {
    const value = (given as Partial<EventMetadata>)[name]
    if (value !== undefined && (typeof value !== 'string' || (value === '' && name !== 'source'))) {
      throw new InvalidEventError(`The event's metadata field "${name}" must be text that is not empty. Leave it out where there is none.`)
    }
  }
  for (const name in given) {
    if (!fieldNames.has(name)) {
      throw new InvalidEventError(
        `The event's metadata has no field "${name}". Put it into the event's data. Fields: ${[...fieldNames].join(', ')}.`,
      )
    }
  }
}
