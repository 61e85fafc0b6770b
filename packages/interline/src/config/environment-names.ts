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
  readonly reason: string
  readonly isFlag?: boolean
}

/** Variables whose capability is still to come. */
export const waitingVariables: Readonly<Record<string, WaitingVariable>> = {
  EVENT_TRACKING_ENABLED: {
    isFlag: true,
    reason: 'event tracking comes with @interline/telemetry, which is not there yet; pass instrumentation instead',
  },
  EVENT_MONITORING_ENABLED: {
    isFlag: true,
    reason: 'monitoring comes with @interline/telemetry, which is not there yet; pass instrumentation instead',
  },
  EVENT_METRICS_EXPORT_INTERVAL: { reason: 'exporting metrics comes with @interline/telemetry, which is not there yet' },
  SNAPSHOT_INTERVAL_VERSIONS: { reason: 'snapshots come with @interline/domain, which is not there yet' },
  SNAPSHOT_RETENTION_DAYS: { reason: 'snapshots come with @interline/domain, which is not there yet' },
}
