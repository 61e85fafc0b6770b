import type { Trace } from '@interline/core'
import { createTraceState, INVALID_TRACEID, isSpanContextValid, type SpanContext } from '@opentelemetry/api'

export type MaybeTrace = { readonly [Name in keyof Trace]?: Trace[Name] | undefined }

const dash = 45
const nine = 57
const flagDigits = /^[0-9a-f]{2}$/

/** The place that a message says it comes from. `undefined` where it says nothing that W3C Trace Context allows. */
export function spanContextOf({ traceparent, tracestate }: MaybeTrace): SpanContext | undefined {
  if (traceparent === undefined || !hasItsDashes(traceparent)) return undefined
  const version = traceparent.slice(0, 2)
  const flags = traceparent.slice(53, 55)
  if (version === 'ff' || !isHex(version) || !isHex(flags)) return undefined
  const context = {
    traceId: traceparent.slice(3, 35),
    spanId: traceparent.slice(36, 52),
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
  }
  if (!isSpanContextValid(context)) return undefined
  return tracestate === undefined ? context : { ...context, traceState: createTraceState(tracestate) }
}

/** Whether its trace is recorded; `undefined` where it has none. Looks no closer than it must, as this is for what nobody wants to know about. */
export function samplingOf({ traceparent }: MaybeTrace): 'sampled' | 'unsampled' | undefined {
  if (traceparent === undefined || !hasItsDashes(traceparent)) return undefined
  const last = traceparent.charCodeAt(54)
  return ((last > nine ? last - 87 : last) & 1) === 0 ? 'unsampled' : 'sampled'
}

/** As a message carries it. `undefined` where nobody traces. */
export function traceOf({ traceId, spanId, traceFlags, traceState }: SpanContext): Trace | undefined {
  if (traceId === INVALID_TRACEID) return undefined
  const traceparent = `00-${traceId}-${spanId}-${traceFlags < 16 ? '0' : ''}${traceFlags.toString(16)}`
  const tracestate = traceState?.serialize()
  return tracestate === undefined || tracestate === '' ? { traceparent } : { traceparent, tracestate }
}

/** By position: every event that is handled comes along here, and a pattern takes four times as long. */
function hasItsDashes(text: string): boolean {
  if (text.length < 55 || (text.length > 55 && text.charCodeAt(55) !== dash)) return false
  return text.charCodeAt(2) === dash && text.charCodeAt(35) === dash && text.charCodeAt(52) === dash
}

function isHex(digits: string): boolean {
  // what nearly all have
  return digits === '00' || digits === '01' || flagDigits.test(digits)
}
