import { type BusMetrics, type BusMetricsOptions, metricsOptionsFromEnv } from '@interline/telemetry'
import { type BusConfig, configFromEnv } from 'interline'

/** A bus as `createBus` takes it, but for what the module sees to by itself: decorated providers are subscribed by it alone. */
export interface InterlineOptions extends Omit<BusConfig, 'autoRegister'> {
  /** What is counted, for the endpoint of metrics. An instance may be shared by several buses. Default: `true`. */
  readonly metrics?: boolean | BusMetricsOptions | BusMetrics | undefined
}

export interface InterlineExtras {
  /** Names a bus beside the default one, for `@InjectEventBus(name)` and `forFeature(name)`. */
  readonly name?: string | undefined
}

const readHere: readonly string[] = ['EVENT_MONITORING_ENABLED', 'EVENT_METRICS_EXPORT_INTERVAL']

/** What the environment says of a bus and of its metrics: see `configFromEnv` and `metricsOptionsFromEnv`. */
export function optionsFromEnv(environment: Readonly<Record<string, string | undefined>> = process.env): InterlineOptions {
  const { autoRegister: _taken, unused = [], ...config } = configFromEnv(environment)
  const { enabled, ...metrics } = metricsOptionsFromEnv(environment)
  return { ...config, unused: unused.filter(({ name }) => !readHere.includes(name)), metrics: enabled && metrics }
}
