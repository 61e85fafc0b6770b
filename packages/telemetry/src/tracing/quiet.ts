import { type Context, context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api'

/** The key by which OpenTelemetry's own SDK asks its tracers to make no spans. */
const suppressed: symbol = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')
const quiet: Context = ROOT_CONTEXT.setValue(suppressed, true)

/** Runs it where the instrumentation of a driver makes no spans, also later, in what begins here. */
export function quietly<T>(run: () => T): T {
  return context.with(quiet, run)
}

export function isQuiet(where: Context): boolean {
  return where.getValue(suppressed) === true
}
