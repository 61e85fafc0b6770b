import { ConfigurationError, type ILogger } from '@interline/core'
import {
  type Check,
  checkKeys,
  connectionChecks,
  integer,
  type RedisConnectionOptions,
  type ResolvedConnection,
  refuse,
  resolveConnection,
} from '../redis-options.js'

/**
 * Which events the store gives up, oldest first over all streams: they leave the global order and their streams, so an aggregate whose
 * beginning is gone can only be loaded from a snapshot. Versions and positions go on counting.
 */
export interface RedisStoreRetention {
  /** Events kept, newest first. */
  readonly maxEvents?: number | undefined
  /** How long events are kept after they were recorded. */
  readonly maxAgeMs?: number | undefined
  /** Events that a reader with a checkpoint in this store has not passed: `keep` them (default) until it has, or `remove` them too. */
  readonly unread?: 'keep' | 'remove' | undefined
  /** How often it is looked for what can go, default 5,000. */
  readonly intervalMs?: number | undefined
  /** Called after each pass that removed something. Without it, a warning at most once a minute. */
  readonly onRemoved?: ((removed: RemovedEvents) => void) | undefined
}

export interface RemovedEvents {
  readonly events: number
  readonly streams: number
}

export interface RedisEventStoreOptions extends RedisConnectionOptions {
  /** Off unless it is set. */
  readonly retention?: RedisStoreRetention | undefined
  /** Seconds that events are kept: the same as `retention.maxAgeMs`, in another unit. */
  readonly ttl?: number | undefined
  /** The same as `retention.maxEvents`. */
  readonly maxEvents?: number | undefined
  /** How long an append is tried again, under the same event ids, before it is rejected. Default 15,000. */
  readonly appendTimeoutMs?: number | undefined
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
  /** What other stores are made with that stand on the same server. */
  readonly given: RedisConnectionOptions
  readonly retention: ResolvedRetention | undefined
  readonly appendTimeoutMs: number
  readonly logger: Pick<ILogger, 'warn'>
}

const defaults = { appendTimeoutMs: 15_000, intervalMs: 5_000, unread: 'keep' } as const
const path = 'store.redis'

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
  onRemoved: callable,
}

const checks: Readonly<Record<string, Check>> = {
  ...connectionChecks,
  retention: (value, at) => checkKeys(value, at, retentionChecks),
  ttl: integer(1),
  maxEvents: integer(1),
  appendTimeoutMs: integer(1),
  logger: (value, at) => {
    if (typeof (value as Partial<ILogger> | null)?.warn !== 'function') refuse(at, value, 'a logger with a method warn')
  },
}

/** Refuses unknown keys, wrong types and contradictions; fills in the defaults. Never shows a value that may be a secret. */
export function resolveEventStoreOptions(options: RedisEventStoreOptions = {}): ResolvedEventStoreOptions {
  checkKeys(options, path, checks)
  const given = Object.fromEntries(Object.entries(options).filter(([name]) => name in connectionChecks)) as RedisConnectionOptions
  return {
    connection: resolveConnection(given),
    given,
    retention: retentionOf(options),
    appendTimeoutMs: options.appendTimeoutMs ?? defaults.appendTimeoutMs,
    logger: options.logger ?? toConsole,
  }
}

function retentionOf({ ttl, maxEvents, retention = {} }: RedisEventStoreOptions): ResolvedRetention | undefined {
  if (ttl !== undefined && retention.maxAgeMs !== undefined) {
    throw new ConfigurationError(`${path}.ttl and ${path}.retention.maxAgeMs say the same thing. Give one of them.`)
  }
  if (maxEvents !== undefined && retention.maxEvents !== undefined) {
    throw new ConfigurationError(`${path}.maxEvents and ${path}.retention.maxEvents say the same thing. Give one of them.`)
  }
  const maxAgeMs = ttl === undefined ? retention.maxAgeMs : ttl * 1_000
  const most = maxEvents ?? retention.maxEvents
  if (maxAgeMs === undefined && most === undefined) return undefined
  return {
    maxEvents: most ?? Number.POSITIVE_INFINITY,
    maxAgeMs: maxAgeMs ?? Number.POSITIVE_INFINITY,
    unread: retention.unread ?? defaults.unread,
    intervalMs: retention.intervalMs ?? defaults.intervalMs,
    onRemoved: retention.onRemoved,
  }
}

function callable(value: unknown, at: string): void {
  if (typeof value !== 'function') refuse(at, value, 'a function')
}
