import { type SnapshotOptions, snapshotOptionsFromEnv } from '@interline/domain'
import { type InterlineOptions, optionsFromEnv } from '@interline/nestjs'
import type { Environment, StoreConfig } from 'interline'

/** The variables of this system, and what is usual in a demo, which has no seconds to wait for retries. */
const usual: Environment = {
  EVENT_STORE_CONNECTION_URL: undefined,
  EVENT_STORE_MAX_CONNECTIONS: undefined,
  EVENT_BUS_MAX_RETRIES: '2',
  EVENT_BUS_RETRY_DELAY_MS: '5',
  EVENT_BUS_DEAD_LETTER_ENABLED: 'true',
  EVENT_MONITORING_ENABLED: 'true',
  EVENT_METRICS_EXPORT_INTERVAL: '3600000',
  SNAPSHOT_INTERVAL_VERSIONS: '100',
  SNAPSHOT_RETENTION_DAYS: '30',
}

export interface Settings {
  /** Where events are to be kept, if that is said. */
  readonly storeType: StoreConfig['type'] | undefined
  /** Of the one pool that all stores on PostgreSQL share. */
  readonly maxConnections: number | undefined
  readonly bus: Pick<InterlineOptions, 'retry' | 'deadLetter' | 'metrics'>
  readonly snapshots: Pick<SnapshotOptions, 'intervalVersions' | 'retentionDays'>
}

/** Reads these variables alone: others, such as REDIS_URL, say where the places of all systems are. */
export function settingsFrom(environment: Environment): Settings {
  const variables = Object.fromEntries(Object.entries(usual).map(([name, value]) => [name, environment[name] || value]))
  const { retry, deadLetter, metrics } = optionsFromEnv(variables)
  const onPostgres = storeIn({ ...variables, INTERLINE_STORE: 'postgres' })
  return {
    storeType: storeIn(variables)?.type,
    maxConnections: onPostgres?.type === 'postgres' ? onPostgres.postgres?.maxConnections : undefined,
    bus: { retry, deadLetter, metrics },
    snapshots: snapshotOptionsFromEnv(variables),
  }
}

function storeIn(variables: Environment): StoreConfig | undefined {
  // variables make no instances
  return optionsFromEnv(variables).store as StoreConfig | undefined
}
