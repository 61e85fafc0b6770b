import { context, type SpanKind, type SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { InMemorySpanExporter, type Sampler, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'

/** Part of a finished span, as a test looks at it. */
export interface SeenSpan {
  readonly name: string
  readonly kind: SpanKind
  readonly attributes: Readonly<Record<string, unknown>>
  readonly status: { readonly code: SpanStatusCode; readonly message?: string | undefined }
  readonly traceId: string
  readonly spanId: string
  readonly parent: string | undefined
  readonly links: readonly string[]
}

/** A tracer provider that remembers what it was given. */
export function tracer(sampler?: Sampler) {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })], ...(sampler && { sampler }) })
  const spans = (): readonly SeenSpan[] =>
    exporter.getFinishedSpans().map((span) => ({
      name: span.name,
      kind: span.kind,
      attributes: span.attributes,
      status: span.status,
      traceId: span.spanContext().traceId,
      spanId: span.spanContext().spanId,
      parent: span.parentSpanContext?.spanId,
      links: span.links.map((link) => link.context.spanId),
    }))
  const named = (name: string): SeenSpan => {
    const found = spans().filter((span) => span.name === name)
    if (found.length !== 1) throw new Error(`There are ${found.length} spans "${name}" among: ${spans().map((span) => span.name)}.`)
    return found[0] as SeenSpan
  }
  return { provider, spans, named }
}

/** What goes with the asynchronous context, as an SDK sets it up. */
export function contextManager(): Disposable {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  return {
    [Symbol.dispose]() {
      context.disable()
      trace.disable()
    },
  }
}
