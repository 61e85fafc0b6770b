import { ConfigurationError } from '../errors.js'

export interface RetryOptions {
  /** How often a handler is run at most, the first run included. 1 means no retry. */
  readonly maxAttempts?: number | undefined
  readonly backoff?: BackoffOptions | undefined
}

export interface BackoffOptions {
  readonly type?: 'fixed' | 'exponential' | undefined
  /** The first delay. */
  readonly delayMs?: number | undefined
  readonly maxDelayMs?: number | undefined
  /** The share of a delay that is added at random, so that what failed together does not come back together. 0 to 1. */
  readonly jitter?: number | undefined
}

const defaults = { maxAttempts: 5, backoff: { type: 'exponential', delayMs: 200, maxDelayMs: 60_000, jitter: 0.1 } } as const

/** When a failed attempt is followed by another. */
export class RetryPolicy {
  readonly maxAttempts: number
  readonly #type: 'fixed' | 'exponential'
  readonly #delayMs: number
  readonly #maxDelayMs: number
  readonly #jitter: number

  /** Earlier options win over later ones. */
  constructor(...layers: readonly (RetryOptions | undefined)[]) {
    const pick = <K extends keyof BackoffOptions>(name: K): BackoffOptions[K] =>
      layers.map((layer) => layer?.backoff?.[name]).find((value) => value !== undefined)
    this.maxAttempts = layers.map((layer) => layer?.maxAttempts).find((value) => value !== undefined) ?? defaults.maxAttempts
    this.#type = pick('type') ?? defaults.backoff.type
    this.#delayMs = pick('delayMs') ?? defaults.backoff.delayMs
    this.#maxDelayMs = pick('maxDelayMs') ?? Math.max(defaults.backoff.maxDelayMs, this.#delayMs)
    this.#jitter = pick('jitter') ?? defaults.backoff.jitter
    this.#check()
  }

  /** After attempt 1 the delay, after attempt 2 twice the delay where exponential, and so on. Jitter only ever adds. */
  delayAfter(attempt: number): number {
    const growth = this.#type === 'exponential' ? 2 ** Math.min(attempt - 1, 50) : 1
    const delayMs = Math.min(this.#delayMs * growth, this.#maxDelayMs)
    return delayMs + delayMs * this.#jitter * Math.random()
  }

  #check(): void {
    if (!Number.isInteger(this.maxAttempts) || this.maxAttempts < 1) {
      throw new ConfigurationError(`retry.maxAttempts is ${this.maxAttempts}; give a whole number from 1, which counts the first run.`)
    }
    for (const [name, value] of [
      ['delayMs', this.#delayMs],
      ['maxDelayMs', this.#maxDelayMs],
    ] as const) {
      if (!(value >= 0 && Number.isFinite(value))) {
        throw new ConfigurationError(`retry.backoff.${name} is ${value}; give milliseconds, 0 or more.`)
      }
    }
    if (!(this.#jitter >= 0 && this.#jitter <= 1)) {
      throw new ConfigurationError(`retry.backoff.jitter is ${this.#jitter}; give a share from 0 to 1.`)
    }
    if (this.#type !== 'fixed' && this.#type !== 'exponential') {
      throw new ConfigurationError(`retry.backoff.type is ${JSON.stringify(this.#type)}; give 'fixed' or 'exponential'.`)
    }
  }
}
