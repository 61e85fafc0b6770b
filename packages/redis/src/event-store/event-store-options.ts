import {
  ConfigurationError,
  checkOptions,
  defaultLogger,
  type ILogger,
  type OptionCheckList,
  optionChecks,
  type ResolvedRetention,
  resolveRetention,
  retentionChecks,
  type StoreRetention,
} from '@interline/core'
import { connectionChecks, type RedisConnectionOptions, type ResolvedConnection, resolveConnection } from '../redis-options.js'

export interface RedisEventStoreOptions extends RedisConnectionOptions {
  /** Which events are given up, looked for every 5,000 ms where it says nothing else. Off unless it is set. */
  readonly retention?: StoreRetention | undefined
  /** Seconds that events are kept: the same as `retention.maxAgeMs`, in another unit. */
  readonly ttl?: number | undefined
  /** The same as `retention.maxEvents`. */
  readonly maxEvents?: number | undefined
  /** How long an append is tried again, under the same event ids, before it is rejected. Default 15,000. */
  readonly appendTimeoutMs?: number | undefined
  /** For what a person should look at. Default: the console. */
  readonly logger?: Pick<ILogger, 'warn'> | undefined
}

export interface ResolvedEventStoreOptions {
  readonly connection: ResolvedConnection
  /** What other stores are made with that stand on the same server. */
  readonly given: RedisConnectionOptions
  readonly retention: ResolvedRetention | undefined
  readonly appendTimeoutMs: number
  readonly logger: Pick<ILogger, 'warn'>
}

const defaults = { appendTimeoutMs: 15_000, retentionIntervalMs: 5_000 } as const
const path = 'store.redis'
const { integer, logger, within } = optionChecks

const checks: OptionCheckList = {
  ...connectionChecks,
  retention: within(retentionChecks),
  ttl: integer(1),
  maxEvents: integer(1),
  appendTimeoutMs: integer(1),
  logger,
}

/** Refuses unknown keys, wrong types and contradictions; fills in the defaults. Never shows a value that may be a secret. */
export function resolveEventStoreOptions(options: RedisEventStoreOptions = {}): ResolvedEventStoreOptions {
  checkOptions(options, path, checks)
  const given = Object.fromEntries(Object.entries(options).filter(([name]) => name in connectionChecks)) as RedisConnectionOptions
  return {
    connection: resolveConnection(given),
    given,
    retention: retentionOf(options),
    appendTimeoutMs: options.appendTimeoutMs ?? defaults.appendTimeoutMs,
    logger: options.logger ?? defaultLogger,
  }
}

function retentionOf({ ttl, maxEvents, retention }: RedisEventStoreOptions): ResolvedRetention | undefined {
  if (ttl !== undefined && retention?.maxAgeMs !== undefined) {
    throw new ConfigurationError(`${path}.ttl and ${path}.retention.maxAgeMs say the same thing. Give one of them.`)
  }
  if (maxEvents !== undefined && retention?.maxEvents !== undefined) {
    throw new ConfigurationError(`${path}.maxEvents and ${path}.retention.maxEvents say the same thing. Give one of them.`)
  }
  if (ttl === undefined && maxEvents === undefined && retention === undefined) return undefined
  const maxAgeMs = ttl === undefined ? retention?.maxAgeMs : ttl * 1_000
  const given = { ...retention, maxAgeMs, maxEvents: maxEvents ?? retention?.maxEvents }
  return resolveRetention(given, `${path}.retention`, defaults.retentionIntervalMs)
}
