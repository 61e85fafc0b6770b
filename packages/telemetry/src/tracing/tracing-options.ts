import type { Attributes, TracerProvider } from '@opentelemetry/api'

export interface TracingOptions {
  /** Default: the global one, also where it is registered later. */
  readonly tracerProvider?: TracerProvider | undefined
  /**
   * Of the traces that begin here, how many are made, from 0 to 1. The others are left out before the SDK is asked, here and in every
   * process that their messages come to, and cost next to nothing. Default: each is for the sampler of the SDK to decide.
   */
  readonly sampleRatio?: number | undefined
  /** `child`: what a handler does belongs to the trace of the event. `link`: it begins a trace of its own, linked to that. Default `child`. */
  readonly process?: 'child' | 'link' | undefined
  /** Spans also for what the broker is told: ack, retry, dead letter. Default false. */
  readonly settle?: boolean | undefined
  /** Leaves the spans that the driver's own instrumentation makes of the same calls. Default false. */
  readonly driverSpans?: boolean | undefined
  /** Of every span, such as `server.address`. */
  readonly attributes?: Attributes | undefined
}
