import { ConfigurationError, type ILogger } from '@interline/core'
import { type Check, checkKeys, identifier, integer, kind, refuse } from '../option-checks.js'
import { connectionChecks, type PostgresConnectionOptions, type ResolvedConnection, resolveConnection } from '../postgres-options.js'

/**
 * Which events the store gives up, oldest first over all streams: they leave the order of all and their streams, so an aggregate whose
 * beginning is gone can only be loaded from a snapshot. Versions and positions go on counting.
 */
export interface PostgresStoreRetention {
  /** Events kept, newest first. */
  readonly maxEvents?: number | undefined
  /** How long events are kept after they were recorded. */
  readonly maxAgeMs?: number | undefined
  /** Events that a reader with a checkpoint in this store has not passed: `keep` them (default) until it has, or `remove` them too. */
  readonly unread?: 'keep' | 'remove' | undefined
  /** How often it is looked for what can go, default 60,000. */
  readonly intervalMs?: number | undefined
  /** Called after each pass that removed something. Without it, a warning at most once a minute. */
  readonly onRemoved?: ((removed: RemovedEvents) => void) | undefined
}

export interface RemovedEvents {
  readonly events: number
  readonly streams: number
}

export interface PostgresEventStoreOptions extends PostgresConnectionOptions {
  /** The table of events, and the beginning of the names of all that belongs to it. Default `interline_events`. */
  readonly table?: string | undefined
  /** Whether missing tables are made and old ones brought up to date on connecting, default true. */
  readonly migrate?: boolean | undefined
  /** How long an append is tried again, under the same event ids, before it is rejected. Default 15,000. */
  readonly appendTimeoutMs?: number | undefined
  /**
   * Whether processes tell each other of appends by NOTIFY, on a connection beside the pool. Default true; false where `client` is given.
   * Off behind a pgbouncer in transaction mode, which carries no notifications: readers then find out when they next look.
   */
  readonly hints?: boolean | undefined
  /** Off unless it is set. */
  readonly retention?: PostgresStoreRetention | undefined
  /** For what a person should look at. Default: the console. */
  readonly logger?: Pick<ILogger, 'warn'> | undefined
}

export interface ResolvedRetention {
  readonly maxEvents: number
  readonly maxAgeMs: number
  readonly unread: 'keep' | 'remove'
  readonly intervalMs: number
  readonly onRemoved: ((removed: RemovedEvents) => void) | undefined
}

export interface ResolvedEventStoreOptions {
  readonly connection: ResolvedConnection
  readonly table: string
  readonly migrate: boolean
  readonly appendTimeoutMs: number
  readonly hints: boolean
  readonly retention: ResolvedRetention | undefined
  readonly logger: Pick<ILogger, 'warn'>
}

const defaults = { table: 'interline_events', migrate: true, appendTimeoutMs: 15_000, intervalMs: 60_000, unread: 'keep' } as const
const path = 'store.postgres'

const toConsole: Pick<ILogger, 'warn'> = {
  warn: (message, fields) => console.warn(message, ...(fields === undefined ? [] : [fields])),
}

const retentionChecks: Readonly<Record<string, Check>> = {
  maxEvents: integer(1),
  maxAgeMs: integer(1),
  unread: (value, at) => {
    if (value !== 'keep' && value !== 'remove') refuse(at, value, `'keep' or 'remove'`)
  },
  intervalMs: integer(10),
  onRemoved: kind('function'),
}

const checks: Readonly<Record<string, Check>> = {
  ...connectionChecks,
  table: identifier,
  migrate: kind('boolean'),
  appendTimeoutMs: integer(1),
  hints: kind('boolean'),
  retention: (value, at) => checkKeys(value, at, retentionChecks),
  logger: (value, at) => {
    if (typeof (value as Partial<ILogger> | null)?.warn !== 'function') refuse(at, value, 'a logger with a method warn')
  },
}

/** Refuses unknown keys, wrong types and contradictions; fills in the defaults. Never shows a value that may be a secret. */
export function resolveEventStoreOptions(options: PostgresEventStoreOptions = {}): ResolvedEventStoreOptions {
  checkKeys(options, path, checks)
  return {
    connection: resolveConnection(options),
    table: options.table ?? defaults.table,
    migrate: options.migrate ?? defaults.migrate,
    appendTimeoutMs: options.appendTimeoutMs ?? defaults.appendTimeoutMs,
    hints: options.hints ?? options.client === undefined,
    retention: options.retention && retentionOf(options.retention),
    logger: options.logger ?? toConsole,
  }
}

function retentionOf({ maxEvents, maxAgeMs, unread, intervalMs, onRemoved }: PostgresStoreRetention): ResolvedRetention {
  if (maxEvents === undefined && maxAgeMs === undefined) {
    throw new ConfigurationError(`${path}.retention says nothing about what goes. Give maxEvents or maxAgeMs, or leave it out.`)
  }
  return {
    maxEvents: maxEvents ?? Number.POSITIVE_INFINITY,
    maxAgeMs: maxAgeMs ?? Number.POSITIVE_INFINITY,
    unread: unread ?? defaults.unread,
    intervalMs: intervalMs ?? defaults.intervalMs,
    onRemoved,
  }
}
