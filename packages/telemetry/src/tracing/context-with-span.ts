import { type Context, createContextKey, INVALID_SPAN_CONTEXT, type Span, trace } from '@opentelemetry/api'
import { type MaybeTrace, spanContextOf } from './trace-context.js'

/** The key by which OpenTelemetry's API keeps the span at hand. */
const spanKey: symbol = createContextKey('OpenTelemetry Context Key SPAN')

/** A context and a span in it. OpenTelemetry's own copies all that the context holds, which is made up for here when more is added. */
abstract class WithSpan implements Context {
  readonly #outer: Context

  constructor(outer: Context) {
    this.#outer = outer
  }

  protected abstract readonly span: Span

  getValue(key: symbol): unknown {
    return key === spanKey ? this.span : this.#outer.getValue(key)
  }

  setValue(key: symbol, value: unknown): Context {
    return trace.setSpan(this.#outer, this.span).setValue(key, value)
  }

  deleteValue(key: symbol): Context {
    return trace.setSpan(this.#outer, this.span).deleteValue(key)
  }
}

export class ContextWithSpan extends WithSpan {
  protected readonly span: Span

  constructor(outer: Context, span: Span) {
    super(outer)
    this.span = span
  }
}

/** Of work in a trace that nobody records. Its span is made when somebody looks for it, as mostly nobody does. */
export class UnsampledContext extends WithSpan {
  readonly #trace: MaybeTrace
  #span: Span | undefined

  constructor(outer: Context, place: MaybeTrace) {
    super(outer)
    this.#trace = place
  }

  protected get span(): Span {
    return (this.#span ??= trace.wrapSpanContext(spanContextOf(this.#trace) ?? INVALID_SPAN_CONTEXT))
  }
}
