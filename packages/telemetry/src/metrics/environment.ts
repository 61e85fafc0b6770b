import { ConfigurationError } from '@interline/core'

export interface MetricsEnvironment {
  /** Whether a bus is to be watched at all: yes, where nothing is said. */
  readonly enabled: boolean
  /** As of `BusMetrics`. */
  readonly collectEveryMs?: number
}

/** What the environment says of metrics: EVENT_MONITORING_ENABLED, and EVENT_METRICS_EXPORT_INTERVAL in milliseconds. */
export function metricsOptionsFromEnv(env: Readonly<Record<string, string | undefined>>): MetricsEnvironment {
  const flag = env.EVENT_MONITORING_ENABLED || 'true'
  const interval = env.EVENT_METRICS_EXPORT_INTERVAL || undefined
  if (!/^(true|1|yes|on|false|0|no|off)$/i.test(flag)) throw refusal('EVENT_MONITORING_ENABLED', flag, 'true or false')
  if (interval !== undefined && !/^[1-9]\d{0,8}$/.test(interval)) {
    throw refusal('EVENT_METRICS_EXPORT_INTERVAL', interval, 'milliseconds, a whole number from 1')
  }
  const enabled = /^(true|1|yes|on)$/i.test(flag)
  return interval === undefined ? { enabled } : { enabled, collectEveryMs: Number(interval) }
}

function refusal(name: string, value: string, expected: string): ConfigurationError {
  return new ConfigurationError(`${name} is ${JSON.stringify(value.slice(0, 40))}; give ${expected}.`)
}
