import { type Instrumentation, refuseOption, type SettledEvent } from '@interline/core'
import { quietly } from './quiet.js'
import { Spans } from './spans.js'
import type { TracingOptions } from './tracing-options.js'

/** Spans by OpenTelemetry's conventions for messaging, from publish to handler to what the handler publishes, over every process. */
export function tracing(options: TracingOptions = {}): Instrumentation {
  const { sampleRatio } = options
  if (sampleRatio !== undefined && !(typeof sampleRatio === 'number' && sampleRatio >= 0 && sampleRatio <= 1)) {
    refuseOption('tracing.sampleRatio', sampleRatio, 'a number from 0 to 1')
  }
  const spans = new Spans(options)
  return {
    sending: (event) => spans.sending(event),
    handling: (event) => spans.handling(event),
    ...(options.settle === true && { settled: (event: SettledEvent) => spans.settled(event) }),
    ...(options.driverSpans !== true && { quietly }),
  }
}
