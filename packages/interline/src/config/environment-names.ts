/** Every variable that begins with INTERLINE_. */
export const ownVariables: readonly string[] = [
  'INTERLINE_AUTO_REGISTER',
  'INTERLINE_BROKER',
  'INTERLINE_CLOSE_TIMEOUT_MS',
  'INTERLINE_CONCURRENCY',
  'INTERLINE_CONNECT_TIMEOUT_MS',
  'INTERLINE_DEAD_LETTER_ENABLED',
  'INTERLINE_DEDUP_ENABLED',
  'INTERLINE_DEDUP_TTL_MS',
  'INTERLINE_DESTINATIONS',
  'INTERLINE_ENVIRONMENT',
  'INTERLINE_HYBRID',
  'INTERLINE_LOCAL_TYPES',
  'INTERLINE_REDIS_PREFIX',
  'INTERLINE_REMOTE_TYPES',
  'INTERLINE_RETRY_BACKOFF',
  'INTERLINE_RETRY_DELAY_MS',
  'INTERLINE_RETRY_MAX_ATTEMPTS',
  'INTERLINE_RETRY_MAX_DELAY_MS',
  'INTERLINE_SERVICE',
  'INTERLINE_STORE',
  'INTERLINE_TENANT_ID',
  'INTERLINE_WINDOW',
]

export interface WaitingVariable {
  /** What it may be: `interval` is a number of milliseconds. */
  readonly kind: 'flag' | 'interval'
  readonly reason: string
}

/** Variables that ask for an instrumentation, which a program makes and keeps, as it has to be asked for what it saw. */
export const waitingVariables: Readonly<Record<string, WaitingVariable>> = {
  EVENT_TRACKING_ENABLED: {
    kind: 'flag',
    reason: 'events are tracked by an EventTracker of @interline/telemetry; pass it as instrumentation',
  },
  EVENT_MONITORING_ENABLED: {
    kind: 'flag',
    reason: 'a bus is watched by BusMetrics of @interline/telemetry; pass it as instrumentation',
  },
  EVENT_METRICS_EXPORT_INTERVAL: {
    kind: 'interval',
    reason:
      'how often metrics are collected is an option of BusMetrics of @interline/telemetry, collectEveryMs; pass it as instrumentation',
  },
}

/** Of a Redis that is only the store's. Other vendors' variables may be set for somebody else. */
export const storeVariables: readonly string[] = ['URL', 'HOST', 'PORT', 'USERNAME', 'PASSWORD', 'DB', 'TLS', 'CLUSTER_NODES'].map(
  (name) => `REDIS_EVENT_STORE_${name}`,
)
