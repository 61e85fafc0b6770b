export { type AlertRule, defaultAlertRules, type Measure } from './alerts/alert-rule.js'
export { type Alert, AlertWatch, type AlertWatchOptions } from './alerts/alert-watch.js'
export { type PrometheusRulesOptions, prometheusRules } from './alerts/prometheus-rules.js'
export { type CountedSagas, locksCheck, poolCheck, queryCheck, sagasCheck, type WatchedPool } from './health/checks.js'
export { fetchHandler, nodeHandler } from './health/handlers.js'
export { type HealthAnswer, HealthEndpoints, type HealthEndpointsOptions, type HealthRequest } from './health/health-endpoints.js'
export { deliveryFields, type LogFields } from './logging/delivery-fields.js'
export { type ConsoleLoggerOptions, consoleLogger, type PinoLike, pinoLogger } from './logging/loggers.js'
export { type HistogramValue, quantileOf } from './metrics/buckets.js'
export { BusMetrics, type BusMetricsOptions } from './metrics/bus-metrics.js'
export { definitions as metricDefinitions, type MetricDefinition, type MetricKey } from './metrics/definitions.js'
export { type MetricsEnvironment, metricsOptionsFromEnv } from './metrics/environment.js'
export type { Family, HistogramFamily, Labels, MetricSource, NumberFamily, Point } from './metrics/families.js'
export { type MetricProducer, metricProducer } from './metrics/metric-producer.js'
export type { NamedCounter } from './metrics/named-counters.js'
export { type ObserveOptions, observeMetrics } from './metrics/open-telemetry.js'
export { type PrometheusRegistry, prometheusName, prometheusText, prometheusTextType, registerPrometheus } from './metrics/prometheus.js'
export type { HandledRecord, OperatedRecord, Recording } from './metrics/recording.js'
export { tracing } from './tracing/tracing.js'
export type { TracingOptions } from './tracing/tracing-options.js'
export {
  type EventStats,
  type EventStatsFilter,
  EventTracker,
  type EventTrackerOptions,
  type TrackedEvent,
  type TrackOptions,
} from './tracker/event-tracker.js'
