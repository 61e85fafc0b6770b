import { ConfigurationError } from '@interline/core'

/** What is measured, of the metrics by their names in OpenTelemetry. */
export type Measure =
  /** The largest of its series. */
  | { readonly kind: 'gauge'; readonly metric: string }
  /** How much of the increase of some counters is that of one of them, from 0 to 1. */
  | {
      readonly kind: 'ratio'
      readonly of: string
      readonly to: readonly string[]
      readonly windowMs: number
      /** Where less was counted within the window, nothing is said. Default 1. */
      readonly atLeast?: number | undefined
    }
  /** Of a histogram's values within the window, in its unit. */
  | { readonly kind: 'quantile'; readonly metric: string; readonly quantile: number; readonly windowMs: number }

/** When somebody should look, as data. */
export interface AlertRule {
  readonly name: string
  readonly summary: string
  readonly severity: 'warning' | 'critical'
  readonly measure: Measure
  /** It fires above this. */
  readonly above: number
  /** Once it fires, it is over only at or below this. Default: `above`. */
  readonly clearsAt?: number | undefined
  /** How long it must be above before it fires. */
  readonly forMs: number
  /** How long it must be clear before it is resolved. Default 0. */
  readonly clearForMs?: number | undefined
}

const minuteMs = 60_000

/** What an outbox and its consumers are watched for where nothing else is said. */
export const defaultAlertRules: readonly AlertRule[] = [
  {
    name: 'HighOutboxQueue',
    summary: 'More than 1,000 events wait in the outbox for over 5 minutes.',
    severity: 'critical',
    measure: { kind: 'gauge', metric: 'outbox.queue.size' },
    above: 1_000,
    clearsAt: 800,
    forMs: 5 * minuteMs,
    clearForMs: minuteMs,
  },
  {
    name: 'EventProcessingFailure',
    summary: 'More than 10 % of the runs of handlers fail.',
    severity: 'critical',
    measure: {
      kind: 'ratio',
      of: 'EVENT_HANDLER_ERROR',
      to: ['EVENT_HANDLER_SUCCESS', 'EVENT_HANDLER_ERROR'],
      windowMs: 5 * minuteMs,
      atLeast: 10,
    },
    above: 0.1,
    clearsAt: 0.05,
    forMs: 0,
    clearForMs: minuteMs,
  },
  {
    name: 'HighLatency',
    summary: 'One event in a hundred takes over 30 seconds from its publish to its handler.',
    severity: 'warning',
    measure: { kind: 'quantile', metric: 'event.processing.latency', quantile: 0.99, windowMs: 5 * minuteMs },
    above: 30,
    clearsAt: 20,
    forMs: minuteMs,
    clearForMs: minuteMs,
  },
  {
    name: 'ConsumerLag',
    summary: 'A group is more than 1,000 messages behind.',
    severity: 'warning',
    measure: { kind: 'gauge', metric: 'interline.lag' },
    above: 1_000,
    clearsAt: 800,
    forMs: 0,
    clearForMs: minuteMs,
  },
]

/** Throws ConfigurationError for a rule that could never say anything sensible. */
export function checkRule(rule: AlertRule): void {
  const { name, above, clearsAt = above, forMs, clearForMs = 0, measure } = rule
  const wrong = (what: string): never => {
    throw new ConfigurationError(`The alert rule "${name}" ${what}.`)
  }
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) wrong('has a name that Prometheus does not allow: give letters, digits and _')
  if (!Number.isFinite(above)) wrong(`fires above ${above}: give a number`)
  if (!(clearsAt <= above)) wrong(`clears at ${clearsAt}, which is above ${above}: give that or less`)
  if (!(forMs >= 0) || !(clearForMs >= 0)) wrong('has a duration that is no number of milliseconds, 0 or more')
  if (measure.kind !== 'gauge' && !(measure.windowMs > 0)) wrong('has a window that is no number of milliseconds above 0')
  if (measure.kind === 'quantile' && !(measure.quantile > 0 && measure.quantile < 1)) wrong('has a quantile that is not between 0 and 1')
}
