import { type Context, isSpanContextValid, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { UnsampledContext } from './context-with-span.js'
import { isSampled, type Origin } from './origins.js'
import { type MaybeTrace, samplingOf, traceOf } from './trace-context.js'
import { beginUnsampled, EnteredUnsampled, Unsampled } from './unsampled.js'

/** Says which traces are left out, where they begin and wherever they go. Every answer is `undefined` where there is to be a span. */
export class HeadSampling {
  readonly #ratio: number

  constructor(ratio: number) {
    this.#ratio = ratio
  }

  sending(parent: Context, origins: readonly Origin[], enters: boolean): Unsampled | undefined {
    const above = trace.getSpanContext(parent)
    const follows = above !== undefined && isSpanContextValid(above)
    if (follows ? isSampled(above) : origins.length > 0 ? origins.some(({ sampled }) => sampled) : this.#draws()) return undefined
    const place = (follows ? traceOf(above) : undefined) ?? beginUnsampled()
    return enters ? new EnteredUnsampled(place, new UnsampledContext(parent, place)) : new Unsampled(place)
  }

  /** A run that goes on from that place or, where it is none, begins a trace. */
  handling(from: MaybeTrace): Unsampled | undefined {
    const above = samplingOf(from)
    if (above === 'unsampled') return new EnteredUnsampled(undefined, new UnsampledContext(ROOT_CONTEXT, from))
    if (above === 'sampled' || this.#draws()) return undefined
    const place = beginUnsampled()
    return new EnteredUnsampled(place, new UnsampledContext(ROOT_CONTEXT, place))
  }

  #draws(): boolean {
    return Math.random() < this.#ratio
  }
}
