import type { HandlingEvent, OutgoingEvent, SendingEvent } from '@interline/core'
import type { Span } from '@opentelemetry/api'
import { attribute, groupName } from '../conventions.js'

// One by one, and only after a sampler has said yes: an SDK looks through each attribute that a span begins with twice.

export function describeSending(span: Span, { broker, events }: SendingEvent): void {
  const [first] = events
  if (first !== undefined && events.length === 1) describeEvent(span, first, first.key, broker)
  else span.setAttribute(attribute.batchCount, events.length)
}

export function describeHandling(span: Span, event: HandlingEvent): void {
  describeEvent(span, event, event.message.key, event.broker)
  span
    .setAttribute(attribute.group, groupName(event.group, event.broadcast))
    .setAttribute(attribute.subscription, event.handler)
    .setAttribute(attribute.attempt, event.attempt)
}

function describeEvent(span: Span, { type, topic, metadata }: Omit<OutgoingEvent, 'key'>, key: string | undefined, broker: string): void {
  const { eventId } = metadata
  span
    .setAttribute(attribute.messageId, eventId)
    .setAttribute(attribute.conversationId, metadata.correlationId)
    .setAttribute(attribute.eventId, eventId)
    .setAttribute(attribute.eventSource, metadata.source)
    .setAttribute(attribute.eventSpecVersion, '1.0')
    .setAttribute(attribute.eventType, type)
  if (broker === 'kafka' && key !== undefined) span.setAttribute(attribute.kafkaKey, key)
  if (broker === 'rabbitmq') span.setAttribute(attribute.routingKey, topic)
}
