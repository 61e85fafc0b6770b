import { toOrdinary } from '../wire/json-value.js'
import { type Address, toEnvelope } from './envelope.js'
import type { EventMetadata, MetadataDefaults } from './metadata.js'
import { GeneralModel } from './plain-event.js'
import type { EventPriority } from './priority.js'
import { makeValueEvent, type ValueEvent } from './value-event.js'

/** An event that is put away and published later, from wherever JSON is kept. Its id is made here, so that two publishes are one event. */
export interface KeptEvent {
  readonly type: string
  readonly version: number
  readonly topic: string
  readonly priority: EventPriority
  readonly key?: string | undefined
  readonly data: unknown
  readonly metadata: Partial<EventMetadata>
}

/** Takes an event apart. Rejects, as `publish` would, for what is no event or does not fit its schema, or can't be JSON. */
export async function keepEvent(event: object, defaults: MetadataDefaults, address?: Address): Promise<KeptEvent> {
  const { model, topic, priority, key, data, metadata } = toEnvelope(event, defaults, address)
  await model.validate?.(data)
  const { eventId, timestamp, correlationId } = metadata
  const { causationId, userId, source, environment, tenantId, idempotencyKey, aggregateId, aggregateType, traceparent, tracestate } =
    metadata
  const ids = { eventId, timestamp, correlationId, causationId, userId, source, environment, tenantId, idempotencyKey }
  const kept = { ...ids, aggregateId, aggregateType, traceparent, tracestate }
  return { type: model.type, version: model.version, topic, priority, key, data: toOrdinary(data), metadata: kept }
}

/** The event again, for `publish` with the kept key. It was validated before. */
export function keptEvent({ type, version, topic, priority, data, metadata }: KeptEvent): ValueEvent {
  const given = { ...metadata, timestamp: new Date(metadata.timestamp ?? Date.now()) }
  return makeValueEvent(new KeptModel(type, version, topic, priority), data, given)
}

/** Its data is what was validated when it was put away. */
class KeptModel extends GeneralModel {
  override dataOf(event: object): unknown {
    return (event as ValueEvent).data
  }

  override metadataOf(event: object): EventMetadata {
    return (event as ValueEvent).metadata
  }
}
