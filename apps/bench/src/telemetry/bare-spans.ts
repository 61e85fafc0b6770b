import type { Instrumentation, OutgoingEvent } from '@interline/core'
import { type Attributes, ROOT_CONTEXT, type Span, SpanKind, type TracerProvider } from '@opentelemetry/api'

const common = { 'messaging.system': 'bench', 'messaging.destination.name': 'bench' }
const sending = { ...common, 'messaging.operation.name': 'send', 'messaging.operation.type': 'send' }
const processing = { ...common, 'messaging.operation.name': 'process', 'messaging.operation.type': 'process' }

/**
 * What two spans with the attributes of the conventions cost and no more: no parents, no links, nothing in the messages, no context for
 * what a handler does. No tracing of a publish and of its handler costs less than this.
 */
export function bareSpans(provider: TracerProvider): Instrumentation {
  const tracer = provider.getTracer('bench')
  const begin = (name: string, kind: SpanKind, attributes: Attributes, event: Pick<OutgoingEvent, 'metadata' | 'type'>): Span =>
    tracer
      .startSpan(name, { kind, attributes }, ROOT_CONTEXT)
      .setAttribute('messaging.message.id', event.metadata.eventId)
      .setAttribute('messaging.message.conversation_id', event.metadata.correlationId)
      .setAttribute('cloudevents.event_id', event.metadata.eventId)
      .setAttribute('cloudevents.event_source', event.metadata.source)
      .setAttribute('cloudevents.event_spec_version', '1.0')
      .setAttribute('cloudevents.event_type', event.type)
  return {
    sending({ events: [event] }) {
      if (event === undefined) return undefined
      const span = begin('send bench', SpanKind.PRODUCER, sending, event)
      return { ended: () => span.end() }
    },
    handling(event) {
      const span = begin('process bench', SpanKind.CONSUMER, processing, event)
        .setAttribute('messaging.consumer.group.name', event.group)
        .setAttribute('messaging.destination.subscription.name', event.handler)
        .setAttribute('interline.attempt', event.attempt)
      return { ended: ({ kind }) => span.setAttribute('interline.outcome', kind).end() }
    },
  }
}
