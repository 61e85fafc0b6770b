import { after, isPromise } from '../awaitable.js'
import { toError } from '../errors.js'
import type { Awaitable } from '../ports/abortable.js'
import type { IClock } from '../ports/clock.js'
import type { ILogger } from '../ports/logger.js'
import { Bulkhead, type BulkheadOptions } from './bulkhead.js'
import { CircuitBreaker, type CircuitBreakerOptions } from './circuit-breaker.js'
import { RateLimit, type RateLimitOptions } from './rate-limit.js'

/** When a handler may run. What has to wait keeps its attempts and its key, and the broker's window fills up behind it. */
export interface FlowOptions {
  readonly rateLimit?: RateLimit | RateLimitOptions | undefined
  /** While it is open nothing is run, and nothing counts as an attempt: consuming stops by itself, and goes on when a probe succeeds. */
  readonly circuitBreaker?: CircuitBreaker | CircuitBreakerOptions | undefined
  /** Given to several handlers, it bounds them together. */
  readonly bulkhead?: Bulkhead | BulkheadOptions | undefined
}

/** What one run has got of a gate so far. */
export interface GatePlace {
  /** When its turn by the rate limit begins, by the monotonic clock. */
  slotAt?: number | undefined
  inside?: boolean | undefined
  /** The changes of the circuit breaker when it let it in. */
  changes?: number | undefined
}

const storeAwayMs = 1_000
const run: Awaitable<number> = 0

/** What a handler passes before each run. */
export class Gate {
  readonly #breaker: CircuitBreaker | undefined
  readonly #rate: RateLimit | undefined
  readonly #bulkhead: Bulkhead | undefined
  readonly #clock: IClock
  readonly #logger: ILogger | undefined

  constructor({ rateLimit, circuitBreaker, bulkhead }: FlowOptions, name: string, clock: IClock, logger: ILogger | undefined) {
    this.#clock = clock
    this.#logger = logger
    this.#rate = rateLimit === undefined || rateLimit instanceof RateLimit ? rateLimit : new RateLimit({ clock, ...rateLimit })
    this.#breaker =
      circuitBreaker === undefined || circuitBreaker instanceof CircuitBreaker
        ? circuitBreaker
        : new CircuitBreaker({ clock, name, ...circuitBreaker })
    this.#bulkhead = bulkhead === undefined || bulkhead instanceof Bulkhead ? bulkhead : new Bulkhead(bulkhead)
  }

  get breaker(): CircuitBreaker | undefined {
    return this.#breaker
  }

  /** 0: run now, and `leave` at the end. Else in how many milliseconds to ask again, with the same place. */
  enter(place: GatePlace): Awaitable<number> {
    const openMs = this.#breaker?.enter() ?? 0
    if (openMs > 0) return openMs
    const changes = this.#breaker?.changes
    const waits = this.#rate === undefined ? run : this.#turn(this.#rate, place)
    return after(waits, (waitMs) => {
      if (waitMs > 0) {
        this.#breaker?.cancelled(changes)
        return waitMs
      }
      place.slotAt = undefined
      place.changes = changes
      const entered = this.#bulkhead?.enter()
      place.inside = true
      return isPromise(entered) ? entered.then(() => 0) : 0
    })
  }

  leave(place: GatePlace, outcome: 'handled' | 'cut off' | Error): void {
    if (place.inside !== true) return
    place.inside = false
    this.#bulkhead?.leave()
    if (outcome === 'handled') this.#breaker?.succeeded(place.changes)
    else if (outcome === 'cut off') this.#breaker?.cancelled(place.changes)
    else this.#breaker?.failed(outcome, place.changes)
  }

  #turn(rate: RateLimit, place: GatePlace): Awaitable<number> {
    const now = this.#clock.monotonic()
    if (place.slotAt !== undefined) return Math.max(0, place.slotAt - now)
    let reserved: Awaitable<number>
    try {
      reserved = rate.reserve()
    } catch (thrown) {
      return this.#storeAway(thrown)
    }
    const take = (waitMs: number): number => {
      place.slotAt = this.#clock.monotonic() + waitMs
      return waitMs
    }
    return isPromise(reserved) ? reserved.then(take, (thrown: unknown) => this.#storeAway(thrown)) : take(reserved)
  }

  /** Without its limiter nothing runs: it would be run without a limit. */
  #storeAway(thrown: unknown): number {
    this.#logger?.warn('The shared rate limit did not answer; what it limits waits.', { error: toError(thrown).message })
    return storeAwayMs
  }
}
