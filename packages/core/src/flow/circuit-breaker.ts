import { ConfigurationError, InterlineError, toError } from '../errors.js'
import type { Awaitable } from '../ports/abortable.js'
import type { IClock } from '../ports/clock.js'
import { systemClock } from '../system-clock.js'

export interface CircuitBreakerOptions {
  /** Says which one it is, in errors and health. */
  readonly name?: string | undefined
  /** Failures in a row that open it, default 5. */
  readonly failures?: number | undefined
  /** How long it stays open before it is tried again, default 30,000. */
  readonly openMs?: number | undefined
  /** How many may try at once when it is half open, default 1. The first that succeeds closes it, one that fails opens it again. */
  readonly probes?: number | undefined
  /** Whether an error speaks against what the breaker guards. Default: every error, but for `Reject` and data that does not fit. */
  readonly isFailure?: ((error: Error) => boolean) | undefined
  /** Told of every change, once. */
  readonly onChange?: ((state: CircuitState, breaker: CircuitBreaker) => void) | undefined
  readonly clock?: IClock | undefined
}

export type CircuitState = 'closed' | 'open' | 'half-open'

/** A circuit breaker refused a call, because what it guards failed before. */
export class CircuitOpenError extends InterlineError {
  override readonly code = 'INTERLINE_CIRCUIT_OPEN'
  override readonly retryable: boolean = true
}

const defaults = { failures: 5, openMs: 30_000, probes: 1 } as const
const notOfThePlace = new Set(['INTERLINE_REJECT', 'INTERLINE_VALIDATION', 'INTERLINE_DECODE'])

/** How long somebody waits who finds all probes taken. */
const againMs = 100

/** Leaves a failing dependency alone for a while, then tries it with a few calls before it is trusted again. */
export class CircuitBreaker {
  readonly name: string
  readonly #failuresToOpen: number
  readonly #openMs: number
  readonly #probes: number
  readonly #isFailure: (error: Error) => boolean
  readonly #onChange: CircuitBreakerOptions['onChange']
  readonly #clock: IClock
  #state: CircuitState = 'closed'
  #failures = 0
  #openUntil = 0
  #probing = 0
  #changes = 0

  constructor({ name, failures, openMs, probes, isFailure, onChange, clock = systemClock }: CircuitBreakerOptions = {}) {
    this.name = name ?? 'circuit'
    this.#failuresToOpen = wholeFrom1('failures', failures ?? defaults.failures)
    this.#probes = wholeFrom1('probes', probes ?? defaults.probes)
    this.#openMs = openMs ?? defaults.openMs
    if (!(this.#openMs > 0)) throw new ConfigurationError(`circuitBreaker.openMs is ${this.#openMs}; give milliseconds above 0.`)
    this.#isFailure = isFailure ?? speaksAgainst
    this.#onChange = onChange
    this.#clock = clock
  }

  get state(): CircuitState {
    return this.#state === 'open' && this.#clock.monotonic() >= this.#openUntil ? 'half-open' : this.#state
  }

  /** Runs a call of your own; throws CircuitOpenError at once while it is open. */
  async run<T>(work: () => Awaitable<T>): Promise<T> {
    if (this.enter() > 0)
      throw new CircuitOpenError(`"${this.name}" is open, as what it guards failed ${this.#failures} times in a row. Try later.`)
    const { changes } = this
    try {
      const result = await work()
      this.succeeded(changes)
      return result
    } catch (thrown) {
      this.failed(toError(thrown), changes)
      throw thrown
    }
  }

  /** How often it has changed. Told at the end of a call as it was when that began, a call from before a change is no probe after it. */
  get changes(): number {
    return this.#changes
  }

  /** 0: go on, and tell how it ended. Else in how many milliseconds to ask again. */
  enter(): number {
    if (this.#state === 'closed') return 0
    const leftMs = this.#openUntil - this.#clock.monotonic()
    if (this.#state === 'open') {
      if (leftMs > 0) return leftMs
      this.#change('half-open')
    }
    if (this.#probing >= this.#probes) return againMs
    this.#probing++
    return 0
  }

  succeeded(began: number = this.#changes): void {
    if (this.#isNoProbe(began)) return
    this.#failures = 0
    if (this.#state === 'half-open') this.#change('closed')
  }

  failed(error: Error, began: number = this.#changes): void {
    if (this.#isNoProbe(began)) return
    if (!this.#isFailure(error)) {
      this.cancelled(began)
      return
    }
    this.#failures++
    if (this.#state === 'closed' && this.#failures < this.#failuresToOpen) return
    this.#openUntil = this.#clock.monotonic() + this.#openMs
    if (this.#state !== 'open') this.#change('open')
  }

  /** It did not run, or its end says nothing. */
  cancelled(began: number = this.#changes): void {
    if (!this.#isNoProbe(began) && this.#state === 'half-open' && this.#probing > 0) this.#probing--
  }

  /** Only probes say whether what failed is well again. */
  #isNoProbe(began: number): boolean {
    return this.#state === 'half-open' && began !== this.#changes
  }

  #change(state: CircuitState): void {
    this.#state = state
    this.#changes++
    this.#probing = 0
    this.#onChange?.(state, this)
  }
}

function wholeFrom1(option: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value
  throw new ConfigurationError(`circuitBreaker.${option} is ${value}; give a whole number from 1.`)
}

function speaksAgainst(error: Error): boolean {
  return !notOfThePlace.has(String((error as { readonly code?: unknown }).code))
}
