import { EncodeError } from '../errors.js'
import type { EventEnvelope } from '../event/event-model.js'
import { EventPriority } from '../event/priority.js'

/** Control characters, characters that Unicode will never assign, and halves of a pair: CloudEvents forbids them in text. */
const forbidden = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u
/** What nearly all are made of, looked for first as it is quicker. */
const simple = /^[ -~]*$/

export function isAttributeText(value: string): boolean {
  return simple.test(value) || !forbidden.test(value)
}

let lastMilliseconds = Number.NaN
let lastTime = ''

/** Events of the same millisecond share the text. */
function timeText(timestamp: Date): string {
  const milliseconds = timestamp.getTime()
  if (milliseconds !== lastMilliseconds) {
    lastTime = timestamp.toISOString()
    lastMilliseconds = milliseconds
  }
  return lastTime
}

/**
 * The CloudEvents context attributes of an event, without `datacontenttype`. `dataversion` is left out at 1, `priority` at normal, and
 * what is not known is left out. Throws EncodeError for text that no attribute may hold.
 */
export function attributesOf(envelope: EventEnvelope): Record<string, string> {
  const { metadata, model, key, priority } = envelope
  const attributes: Record<string, string> = {
    specversion: '1.0',
    id: text('id', metadata.eventId),
    source: text('source', metadata.source === '' ? 'unknown' : metadata.source),
    type: text('type', model.type),
    time: timeText(metadata.timestamp),
    topic: envelope.topic,
    correlationid: metadata.correlationId === metadata.eventId ? metadata.eventId : text('correlationid', metadata.correlationId),
  }
  if (model.version !== 1) attributes.dataversion = String(model.version)
  if (priority !== EventPriority.NORMAL) attributes.priority = priority
  if (key !== undefined) attributes.partitionkey = text('partitionkey', key)
  if (envelope.keyId !== undefined) attributes.keyid = envelope.keyId
  if (metadata.causationId !== undefined) attributes.causationid = text('causationid', metadata.causationId)
  if (metadata.userId !== undefined) attributes.userid = text('userid', metadata.userId)
  if (metadata.tenantId !== undefined) attributes.tenantid = text('tenantid', metadata.tenantId)
  if (metadata.environment !== undefined) attributes.environment = text('environment', metadata.environment)
  if (metadata.idempotencyKey !== undefined) attributes.idempotencykey = text('idempotencykey', metadata.idempotencyKey)
  if (metadata.aggregateId !== undefined) {
    attributes.subject = text('subject', metadata.aggregateId)
    attributes.aggregateid = metadata.aggregateId
  }
  if (metadata.aggregateType !== undefined) attributes.aggregatetype = text('aggregatetype', metadata.aggregateType)
  if (metadata.traceparent !== undefined) attributes.traceparent = text('traceparent', metadata.traceparent)
  if (metadata.tracestate !== undefined) attributes.tracestate = text('tracestate', metadata.tracestate)
  return attributes
}

function text(name: string, value: string): string {
  if (isAttributeText(value)) return value
  throw new EncodeError(
    `The attribute "${name}" of an event has a control character or half a character in it. Clean the text before it is published.`,
  )
}
