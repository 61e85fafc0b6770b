import type { OutgoingEvent } from '@interline/core'
import { type Context, type Link, ROOT_CONTEXT, type SpanContext, TraceFlags, trace } from '@opentelemetry/api'
import { ContextWithSpan } from './context-with-span.js'
import { type MaybeTrace, spanContextOf } from './trace-context.js'

export const noLinks: Link[] = []
const nowhere: readonly Origin[] = []

/** Where a message comes from. */
export class Origin {
  readonly spanContext: SpanContext
  /** For what goes on from there. */
  readonly context: Context
  readonly links: Link[]

  constructor(spanContext: SpanContext) {
    this.spanContext = spanContext
    this.context = new ContextWithSpan(ROOT_CONTEXT, trace.wrapSpanContext(spanContext))
    this.links = [{ context: spanContext }]
  }

  get sampled(): boolean {
    return isSampled(this.spanContext)
  }
}

/** Reads origins; the last one is found again without reading, as a batch has one for all, and so have several handlers of an event. */
export class Origins {
  #trace: MaybeTrace = {}
  #origin: Origin | undefined

  of(given: MaybeTrace): Origin | undefined {
    const { traceparent, tracestate } = given
    if (traceparent === undefined) return undefined
    if (traceparent === this.#trace.traceparent && tracestate === this.#trace.tracestate) return this.#origin
    const spanContext = spanContextOf(given)
    this.#trace = { traceparent, tracestate }
    this.#origin = spanContext === undefined ? undefined : new Origin(spanContext)
    return this.#origin
  }

  /** Each place once. */
  all(events: readonly Pick<OutgoingEvent, 'metadata'>[]): readonly Origin[] {
    let found: Map<string, Origin> | undefined
    for (const { metadata } of events) {
      const { traceparent } = metadata
      if (traceparent === undefined || found?.has(traceparent) === true) continue
      const origin = this.of(metadata)
      if (origin !== undefined) found = (found ?? new Map<string, Origin>()).set(traceparent, origin)
    }
    return found === undefined ? nowhere : [...found.values()]
  }
}

export function linksTo(origins: readonly Origin[]): Link[] {
  if (origins.length === 0) return noLinks
  const [only] = origins
  return only !== undefined && origins.length === 1 ? only.links : origins.map(({ spanContext }) => ({ context: spanContext }))
}

export function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0
}
