import { type CurrentDelivery, currentDelivery, type Trace } from '@interline/core'
import { type SpanContext, trace } from '@opentelemetry/api'
import { spanContextOf } from '../tracing/trace-context.js'

export type LogFields = Readonly<Record<string, string | number | boolean | null>>

/**
 * What a line of a log belongs to: the event that is being handled where it is written, by its ids, and the trace. Give it to pino as
 * `mixin`, and every line of the program has them.
 */
export function deliveryFields(): LogFields {
  const delivery = currentDelivery()
  return { ...traceFields(trace.getActiveSpan()?.spanContext(), delivery?.trace), ...(delivery === undefined ? {} : idsOf(delivery)) }
}

function idsOf({ metadata, group, handler, attempt }: CurrentDelivery): LogFields {
  const { eventId, correlationId } = metadata
  return { correlationId, eventId, group, handler, attempt }
}

function traceFields(active: SpanContext | undefined, carried: Trace | undefined): LogFields {
  const context = active ?? (carried === undefined ? undefined : spanContextOf(carried))
  return context === undefined ? {} : { traceId: context.traceId, spanId: context.spanId }
}
