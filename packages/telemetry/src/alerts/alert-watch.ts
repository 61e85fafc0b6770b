import { type IClock, type ILogger, type Instrumentation, type Timer, toError, type WatchedBus } from '@interline/core'
import type { MetricSource } from '../metrics/families.js'
import { type AlertRule, checkRule, defaultAlertRules } from './alert-rule.js'
import { Measurement } from './measurement.js'

export interface Alert {
  readonly rule: AlertRule
  /** Measured last. */
  readonly value: number
  /** Since when it fires. */
  readonly since: Date
}

export interface AlertWatchOptions {
  readonly metrics: MetricSource
  /** Default: `defaultAlertRules`. */
  readonly rules?: readonly AlertRule[] | undefined
  /** Default 15 s. */
  readonly everyMs?: number | undefined
  readonly onFiring?: ((alert: Alert) => void | Promise<void>) | undefined
  readonly onResolved?: ((alert: Alert) => void | Promise<void>) | undefined
  /** Hears of what a callback throws. Default: the console. */
  readonly logger?: Pick<ILogger, 'error'> | undefined
}

type State =
  | { readonly kind: 'clear' }
  | { readonly kind: 'pending'; readonly since: number }
  | { readonly kind: 'firing'; readonly since: Date; readonly clearSince: number | undefined }

interface Watched {
  readonly rule: AlertRule
  readonly measurement: Measurement
  state: State
  value: number
}

const clear: State = { kind: 'clear' }
const defaultEveryMs = 15_000

/**
 * Looks at metrics from time to time, and tells when a rule begins to fire and when that is over. As instrumentation of a bus it works
 * while that is open, by its clock. Where a figure can't be had, a rule stays as it is: no news is not good news.
 */
export class AlertWatch implements Instrumentation {
  readonly #options: AlertWatchOptions
  readonly #watched: readonly Watched[]
  readonly #buses = new Set<WatchedBus>()
  #timer: Timer | undefined

  constructor(options: AlertWatchOptions) {
    const { rules = defaultAlertRules } = options
    for (const rule of rules) checkRule(rule)
    this.#options = options
    this.#watched = rules.map((rule) => ({ rule, measurement: new Measurement(rule.measure), state: clear, value: Number.NaN }))
  }

  get firing(): readonly Alert[] {
    return this.#watched.flatMap((watched) => (watched.state.kind === 'firing' ? [alertOf(watched, watched.state.since)] : []))
  }

  started(bus: WatchedBus): void {
    this.#buses.add(bus)
    if (this.#timer === undefined) this.#schedule(bus.clock)
  }

  closing(bus: WatchedBus): void {
    this.#buses.delete(bus)
    if (this.#buses.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Once, now. */
  evaluate(clock: Pick<IClock, 'now' | 'monotonic'>): void {
    const families = this.#options.metrics.families()
    const at = clock.monotonic()
    for (const watched of this.#watched) {
      const value = watched.measurement.take(families, at)
      if (value === undefined) continue
      watched.value = value
      this.#step(watched, at, clock.now())
    }
  }

  #schedule(clock: IClock): void {
    const look = (): void => {
      if (this.#buses.size === 0) return
      try {
        this.evaluate(clock)
      } catch (thrown) {
        this.#report('The alert rules could not be evaluated.', thrown)
      }
      this.#schedule(clock)
    }
    this.#timer = clock.setTimer(look, this.#options.everyMs ?? defaultEveryMs, { background: true })
  }

  #step(watched: Watched, at: number, now: number): void {
    const { rule, state, value } = watched
    const { above, clearsAt = above, forMs, clearForMs = 0 } = rule
    if (state.kind === 'firing') {
      if (value > clearsAt) watched.state = { ...state, clearSince: undefined }
      else if (at - (state.clearSince ?? at) < clearForMs) watched.state = { ...state, clearSince: state.clearSince ?? at }
      else {
        watched.state = clear
        this.#tell(this.#options.onResolved, alertOf(watched, state.since))
      }
      return
    }
    if (value <= above) {
      watched.state = clear
      return
    }
    const since = state.kind === 'pending' ? state.since : at
    if (at - since < forMs) {
      watched.state = { kind: 'pending', since }
      return
    }
    watched.state = { kind: 'firing', since: new Date(now), clearSince: undefined }
    this.#tell(this.#options.onFiring, alertOf(watched, watched.state.since))
  }

  #tell(callback: AlertWatchOptions['onFiring'], alert: Alert): void {
    if (callback === undefined) return
    const told = async (): Promise<void> => callback(alert)
    told().catch((thrown: unknown) => this.#report(`Nobody was told of the alert "${alert.rule.name}".`, thrown))
  }

  #report(message: string, thrown: unknown): void {
    const { logger = console } = this.#options
    logger.error(message, { error: toError(thrown).message })
  }
}

function alertOf({ rule, value }: Watched, since: Date): Alert {
  return { rule, value, since }
}
