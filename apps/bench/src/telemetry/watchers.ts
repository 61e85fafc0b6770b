import type { Instrumentation } from '@interline/core'
import { BusMetrics, EventTracker, type TracingOptions, tracing } from '@interline/telemetry'
import { context, type TracerProvider as Provider } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { bareSpans } from './bare-spans.js'

export interface Watchers {
  readonly name: string
  readonly instrumentation: readonly Instrumentation[]
}

/** Spans are batched as ever, and then dropped: what an exporter does with them is its own. */
const exporter: SpanExporter = {
  export: (_, done) => done({ code: 0 }),
  shutdown: async () => undefined,
  forceFlush: async () => undefined,
}

/** The first is what the others are compared with; the second shows how far two of the same are apart. */
export function watchers(): readonly Watchers[] {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  return [
    { name: 'unwatched', instrumentation: [] },
    { name: 'unwatched, once more', instrumentation: [] },
    { name: 'metrics', instrumentation: [new BusMetrics()] },
    { name: 'tracker', instrumentation: [new EventTracker()] },
    traced('tracing without an SDK', {}),
    traced('tracing, 0 % by sampleRatio', { tracerProvider: provider(1), sampleRatio: 0 }),
    traced('tracing, 10 % by sampleRatio', { tracerProvider: provider(1), sampleRatio: 0.1 }),
    traced("tracing, 0 % by the SDK's sampler", { tracerProvider: provider(0) }),
    traced("tracing, 10 % by the SDK's sampler", { tracerProvider: provider(0.1) }),
    traced('tracing, everything', { tracerProvider: provider(1) }),
    { name: 'two spans of the SDK, as bare as can be', instrumentation: [bareSpans(provider(1))] },
  ]
}

function traced(name: string, options: TracingOptions): Watchers {
  return { name, instrumentation: [tracing(options)] }
}

function provider(share: number): Provider {
  const sampler = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) })
  return new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter })], sampler })
}
