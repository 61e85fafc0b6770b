import { ConfigurationError } from '../errors.js'
import type { Awaitable } from '../ports/abortable.js'
import type { IClock } from '../ports/clock.js'
import type { IRateLimiter, Rate } from '../ports/rate-limiter.js'
import { systemClock } from '../system-clock.js'

export interface RateLimitOptions {
  /** At most so many runs … */
  readonly limit: number
  /** … in so many milliseconds, spread evenly over them. */
  readonly perMs: number
  /** How many may begin at once after a pause, default 1. */
  readonly burst?: number | undefined
  /** Counts over all processes, such as one on Redis. Default: this process alone. */
  readonly shared?: IRateLimiter | undefined
  /** What a shared limiter knows it by. Needed with `shared`. */
  readonly name?: string | undefined
  readonly clock?: IClock | undefined
}

/**
 * Lets so many runs begin in so much time; what is over it waits for its place, first come, first served. By the generic cell rate
 * algorithm (ITU-T I.371): the one number that it keeps is when the next place begins.
 */
export class RateLimit {
  readonly #rate: Rate
  readonly #name: string
  readonly #limiter: IRateLimiter

  constructor({ limit, perMs, burst = 1, shared, name, clock = systemClock }: RateLimitOptions) {
    const checked = { limit, perMs, burst }
    for (const [option, value] of Object.entries(checked)) {
      if (!(value > 0 && Number.isFinite(value))) throw new ConfigurationError(`rateLimit.${option} is ${value}; give a number above 0.`)
    }
    if (!Number.isInteger(burst)) throw new ConfigurationError(`rateLimit.burst is ${burst}; give a whole number from 1.`)
    if (shared !== undefined && (name === undefined || name === '')) {
      throw new ConfigurationError('rateLimit.shared needs rateLimit.name: what all processes that share the limit call it.')
    }
    this.#rate = { intervalMs: perMs / limit, burst }
    this.#name = name ?? ''
    this.#limiter = shared ?? new LocalRateLimiter(clock)
  }

  /** Takes the next place: in how many milliseconds it begins. */
  reserve(): Awaitable<number> {
    return this.#limiter.reserve(this.#name, this.#rate)
  }
}

/** Places of this process. */
class LocalRateLimiter implements IRateLimiter {
  readonly #clock: IClock
  #next = Number.NEGATIVE_INFINITY

  constructor(clock: IClock) {
    this.#clock = clock
  }

  reserve(_name: string, { intervalMs, burst }: Rate): number {
    const now = this.#clock.monotonic()
    const begins = Math.max(this.#next, now - (burst - 1) * intervalMs)
    this.#next = begins + intervalMs
    return Math.max(0, begins - now)
  }
}
