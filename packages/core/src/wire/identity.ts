import type { EventIdentity } from '../ports/instrumentation.js'
import type { WireMessage } from '../ports/message.js'

/** What a message says of its event without being decoded. */
export function identityOf({ attributes }: WireMessage): EventIdentity {
  const { id = '', correlationid = id, source = '', time, traceparent, tracestate } = attributes
  return { eventId: id, correlationId: correlationid, source, timestamp: new Date(time ?? Number.NaN), traceparent, tracestate }
}
