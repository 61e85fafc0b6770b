import type { HandlingOutcome, SendingOutcome, Trace, Watch } from '@interline/core'
import { type Context, context, type Span, SpanStatusCode } from '@opentelemetry/api'
import { attribute } from '../conventions.js'
import { errorTypeOf } from '../error-type.js'
import { ContextWithSpan } from './context-with-span.js'

export class WatchedSpan<Outcome> implements Watch<Outcome> {
  readonly trace: Trace
  protected readonly span: Span
  readonly #conclude: (outcome: Outcome, span: Span) => void

  constructor(span: Span, carried: Trace, conclude: (outcome: Outcome, span: Span) => void) {
    this.trace = carried
    this.span = span
    this.#conclude = conclude
  }

  ended(outcome: Outcome): void {
    try {
      if (this.span.isRecording()) this.#conclude(outcome, this.span)
    } finally {
      this.span.end()
    }
  }
}

/** One in which other spans are made. */
export class EnteredSpan<Outcome> extends WatchedSpan<Outcome> {
  readonly #outer: Context

  constructor(span: Span, carried: Trace, conclude: (outcome: Outcome, span: Span) => void, outer: Context) {
    super(span, carried, conclude)
    this.#outer = outer
  }

  enter<T>(run: () => T): T {
    return context.with(new ContextWithSpan(this.#outer, this.span), run)
  }
}

export function concludeSending({ error }: SendingOutcome, span: Span): void {
  if (error !== undefined) fail(span, error)
}

export function concludeHandling(outcome: HandlingOutcome, span: Span): void {
  span.setAttribute(attribute.outcome, outcome.kind)
  if (outcome.kind === 'dead') span.setAttribute(attribute.deadLetterReason, outcome.reason)
  if (outcome.kind === 'dead' || outcome.kind === 'retry') fail(span, outcome.error)
}

function fail(span: Span, error: Error): void {
  span.setAttribute(attribute.errorType, errorTypeOf(error)).setStatus({ code: SpanStatusCode.ERROR, message: error.message })
}
