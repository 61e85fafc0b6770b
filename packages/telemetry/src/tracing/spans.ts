import type { HandlingEvent, HandlingOutcome, SendingEvent, SendingOutcome, SettledEvent, Trace, Watch } from '@interline/core'
import { type Context, context, ROOT_CONTEXT, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import { attribute, groupName, scope } from '../conventions.js'
import { HeadSampling } from './head-sampling.js'
import { linksTo, noLinks, Origins } from './origins.js'
import { Places } from './places.js'
import { isQuiet } from './quiet.js'
import { describeHandling, describeSending } from './span-attributes.js'
import { spanContextOf, traceOf } from './trace-context.js'
import type { TracingOptions } from './tracing-options.js'
import { concludeHandling, concludeSending, EnteredSpan, WatchedSpan } from './watched-span.js'

/** Makes the spans of what a bus does. This runs for every event: nothing is computed before a sampler has said that somebody wants it. */
export class Spans {
  readonly #tracer: Tracer
  readonly #origins = new Origins()
  readonly #sampling: HeadSampling | undefined
  readonly #processAsChild: boolean
  readonly #driverSpans: boolean
  readonly #sendingTo: Readonly<Record<SendingEvent['way'], Places>>
  readonly #processing: Places
  readonly #settling: Readonly<Record<SettledEvent['operation'], Places>>

  constructor({
    tracerProvider = trace.getTracerProvider(),
    process = 'child',
    driverSpans = false,
    attributes,
    sampleRatio,
  }: TracingOptions) {
    this.#tracer = tracerProvider.getTracer(scope.name, scope.version)
    this.#sampling = sampleRatio === undefined ? undefined : new HeadSampling(sampleRatio)
    this.#processAsChild = process === 'child'
    this.#driverSpans = driverSpans
    const places = (name: string, type: string): Places => new Places({ name, type }, attributes)
    this.#sendingTo = { publish: places('send', 'send'), append: places('create', 'create'), forward: places('send', 'send') }
    this.#processing = places('process', 'process')
    this.#settling = { ack: places('ack', 'settle'), retry: places('retry', 'settle'), 'dead-letter': places('dead-letter', 'settle') }
  }

  /** Its context goes into the messages, which makes it their producer; of messages that come from elsewhere it is the carrier. */
  sending(event: SendingEvent): Watch<SendingOutcome> | undefined {
    const { way, broker, events, cause } = event
    const active = context.active()
    if (way !== 'forward' && isQuiet(active)) return undefined
    const origins = this.#origins.all(events)
    const [origin] = origins
    const parent =
      way !== 'forward' ? this.#parentOf(active, cause) : origin !== undefined && origins.length === 1 ? origin.context : ROOT_CONTEXT
    // a broker's driver is kept quiet; a store's is not
    const enters = way === 'append' || this.#driverSpans
    const unsampled = this.#sampling?.sending(parent, origins, enters)
    if (unsampled !== undefined) return unsampled
    const carries = way === 'forward' || (origin !== undefined && events.every(({ metadata }) => metadata.traceparent !== undefined))
    const { name, attributes } = this.#sendingTo[way].at(broker, onlyDestination(event))
    const kind = carries ? SpanKind.CLIENT : SpanKind.PRODUCER
    const span = this.#tracer.startSpan(name, { kind, attributes, links: linksTo(origins) }, parent)
    if (span.isRecording()) describeSending(span, event)
    const carried = traceOf(span.spanContext())
    if (carried === undefined) return undefined
    return enters ? new EnteredSpan(span, carried, concludeSending, parent) : new WatchedSpan(span, carried, concludeSending)
  }

  handling(event: HandlingEvent): Watch<HandlingOutcome> | undefined {
    const unsampled = this.#sampling?.handling(this.#processAsChild ? event.metadata : {})
    if (unsampled !== undefined) return unsampled
    const origin = this.#origins.of(event.metadata)
    const { name, attributes } = this.#processing.at(event.broker, event.message.destination)
    const options = { kind: SpanKind.CONSUMER, attributes, links: origin?.links ?? noLinks }
    const parent = origin === undefined || !this.#processAsChild ? ROOT_CONTEXT : origin.context
    const span = this.#tracer.startSpan(name, options, parent)
    if (span.isRecording()) describeHandling(span, event)
    const carried = traceOf(span.spanContext())
    return carried === undefined ? undefined : new EnteredSpan(span, carried, concludeHandling, ROOT_CONTEXT)
  }

  settled({ broker, message, group, broadcast, operation, inTime, durationMs }: SettledEvent): void {
    const origin = this.#origins.of(message.attributes)
    if (this.#sampling !== undefined && origin?.sampled !== true) return
    const endTime = Date.now()
    const { name, attributes } = this.#settling[operation].at(broker, message.destination)
    const options = { kind: SpanKind.CLIENT, attributes, links: origin?.links ?? noLinks, startTime: endTime - durationMs }
    const span = this.#tracer.startSpan(name, options, origin?.context ?? ROOT_CONTEXT)
    span.setAttribute(attribute.group, groupName(group, broadcast)).setAttribute(attribute.messageId, message.attributes.id)
    if (!inTime) span.setAttribute(attribute.errorType, 'late').setStatus({ code: SpanStatusCode.ERROR, message: 'It came too late.' })
    span.end(endTime)
  }

  /** The span at hand, else the run of the handler that publishes, where no context manager tells of it. */
  #parentOf(active: Context, cause: Trace | undefined): Context {
    if (trace.getSpan(active) !== undefined || cause === undefined) return active
    const origin = spanContextOf(cause)
    return origin === undefined ? active : trace.setSpanContext(active, origin)
  }
}

/** The destination of all, where they have only one. */
function onlyDestination({ destinations }: SendingEvent): string | undefined {
  const [first] = destinations
  for (const destination of destinations) if (destination !== first) return undefined
  return first
}
