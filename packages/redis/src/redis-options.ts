import { ConfigurationError } from '@interline/core'
import type { Redis } from 'ioredis'

/** How much handled history the streams of a destination keep, for `from: 'beginning'`. What a group has not handled is never removed. */
export interface RedisRetention {
  /** Handled events kept for each destination, newest first. 0 removes an event as soon as every group has handled it. */
  readonly maxEvents?: number | undefined
  /** How long handled events are kept. */
  readonly maxAgeMs?: number | undefined
}

/** Where Redis is. Either `url`, or `host` and its companions, or a `client`. */
export interface RedisConnectionOptions {
  readonly url?: string | undefined
  /** Default 127.0.0.1. */
  readonly host?: string | undefined
  /** Default 6379. */
  readonly port?: number | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Number of the database, default 0. */
  readonly db?: number | undefined
  /** `true`, or the options of `node:tls`. */
  readonly tls?: boolean | object | undefined
  /** An ioredis client (5.10 or later) whose settings are used for connections of our own. It is never used itself and never closed. */
  readonly client?: Redis | undefined
  /** The beginning of every key, default `interline`. */
  readonly prefix?: string | undefined
  /** How long one attempt to connect may take, default 5,000. */
  readonly connectTimeoutMs?: number | undefined
  /** How long the server may take to answer one command, default 5,000. */
  readonly commandTimeoutMs?: number | undefined
}

export interface RedisOptions extends RedisConnectionOptions {
  /** Streams for each destination, default 8. Fixed when a destination is first used: order by key hangs on it. */
  readonly partitions?: number | undefined
  /** How long one blocking read waits on the server, default 2,000. */
  readonly blockMs?: number | undefined
  /** After how much silence a consumer counts as dead and its events go to others, default 8,000. Renewed at a quarter of it. */
  readonly claimIdleMs?: number | undefined
  /** How long a publish is tried again before it is rejected, default 15,000. */
  readonly publishTimeoutMs?: number | undefined
  /** Default: the newest 10,000 handled events of each destination. */
  readonly retention?: RedisRetention | undefined
  /** Seconds that handled events are kept: the same as `retention.maxAgeMs`, in another unit. */
  readonly ttl?: number | undefined
  /** The same as `retention.maxEvents`. */
  readonly maxEvents?: number | undefined
}

export interface ResolvedConnection {
  readonly url: string | undefined
  readonly host: string
  readonly port: number
  readonly username: string | undefined
  readonly password: string | undefined
  readonly db: number | undefined
  readonly tls: boolean | object | undefined
  readonly client: Redis | undefined
  readonly prefix: string
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
}

export interface ResolvedOptions extends ResolvedConnection {
  readonly partitions: number
  readonly blockMs: number
  readonly claimIdleMs: number
  readonly publishTimeoutMs: number
  readonly maxEvents: number | undefined
  readonly maxAgeMs: number | undefined
}

const connectionDefaults = { host: '127.0.0.1', port: 6379, prefix: 'interline', connectTimeoutMs: 5_000, commandTimeoutMs: 5_000 } as const
const brokerDefaults = { partitions: 8, blockMs: 2_000, claimIdleMs: 8_000, publishTimeoutMs: 15_000 } as const
const defaultMaxEvents = 10_000

export type Check = (value: unknown, path: string) => void

export const connectionChecks: Readonly<Record<string, Check>> = {
  url: url,
  host: text,
  port: integer(1, 65_535),
  username: text,
  password: text,
  db: integer(0, 1_000_000),
  tls: (value, path) => {
    if (typeof value !== 'boolean' && (typeof value !== 'object' || value === null))
      refuse(path, value, 'true, false or options of node:tls')
  },
  client: (value, path) => {
    if (typeof value !== 'object' || value === null || typeof (value as Partial<Redis>).duplicate !== 'function') {
      refuse(path, value, 'an ioredis client')
    }
  },
  prefix: (value, path) => {
    text(value, path)
    if (/[{}]/.test(value as string)) refuse(path, value, 'text without { and }, which mark the slot of a cluster')
  },
  connectTimeoutMs: integer(1),
  commandTimeoutMs: integer(1),
}

const brokerChecks: Readonly<Record<string, Check>> = {
  ...connectionChecks,
  partitions: integer(1, 1_024),
  blockMs: integer(10, 60_000),
  claimIdleMs: integer(400),
  publishTimeoutMs: integer(1),
  ttl: integer(1),
  maxEvents: integer(0),
  retention: (value, path) => checkKeys(value, path, { maxEvents: integer(0), maxAgeMs: integer(0) }),
}

/** Refuses unknown keys, wrong types and contradictions; fills in the defaults. Never shows a value that may be a secret. */
export function resolveOptions(options: RedisOptions = {}): ResolvedOptions {
  checkKeys(options, 'redis', brokerChecks)
  if (options.ttl !== undefined && options.retention?.maxAgeMs !== undefined) {
    throw new ConfigurationError('redis.ttl and redis.retention.maxAgeMs say the same thing. Give one of them.')
  }
  if (options.maxEvents !== undefined && options.retention?.maxEvents !== undefined) {
    throw new ConfigurationError('redis.maxEvents and redis.retention.maxEvents say the same thing. Give one of them.')
  }
  const maxAgeMs = options.ttl === undefined ? options.retention?.maxAgeMs : options.ttl * 1_000
  const maxEvents = options.maxEvents ?? options.retention?.maxEvents ?? (maxAgeMs === undefined ? defaultMaxEvents : undefined)
  return {
    ...connection(options),
    partitions: options.partitions ?? brokerDefaults.partitions,
    blockMs: options.blockMs ?? brokerDefaults.blockMs,
    claimIdleMs: options.claimIdleMs ?? brokerDefaults.claimIdleMs,
    publishTimeoutMs: options.publishTimeoutMs ?? brokerDefaults.publishTimeoutMs,
    maxEvents,
    maxAgeMs,
  }
}

export function resolveConnection(options: RedisConnectionOptions = {}): ResolvedConnection {
  checkKeys(options, 'redis', connectionChecks)
  return connection(options)
}

function connection(options: RedisConnectionOptions): ResolvedConnection {
  const addressed = (['url', 'host', 'client'] as const).filter((name) => options[name] !== undefined)
  if (addressed.length > 1) {
    throw new ConfigurationError(`${addressed.map((name) => `redis.${name}`).join(' and ')} each say where Redis is. Give one of them.`)
  }
  return {
    url: options.url,
    host: options.host ?? connectionDefaults.host,
    port: options.port ?? connectionDefaults.port,
    username: options.username,
    password: options.password,
    db: options.db,
    tls: options.tls,
    client: options.client,
    prefix: `${options.client?.options.keyPrefix ?? ''}${options.prefix ?? connectionDefaults.prefix}`,
    connectTimeoutMs: options.connectTimeoutMs ?? connectionDefaults.connectTimeoutMs,
    commandTimeoutMs: options.commandTimeoutMs ?? connectionDefaults.commandTimeoutMs,
  }
}

export function checkKeys(value: unknown, path: string, checks: Readonly<Record<string, Check>>): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(path, value, 'an object')
  for (const [name, field] of Object.entries(value as object)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    if (check === undefined) throw new ConfigurationError(`Unknown option ${path}.${name}. Known are ${Object.keys(checks).join(', ')}.`)
    if (field !== undefined) check(field, `${path}.${name}`)
  }
}

function text(value: unknown, path: string): void {
  if (typeof value !== 'string' || value === '') refuse(path, value, 'a text that is not empty')
}

function url(value: unknown, path: string): void {
  if (typeof value !== 'string' || !/^rediss?:\/\//.test(value) || !URL.canParse(value)) {
    refuse(path, value, 'a URL such as redis://localhost:6379/0 or rediss://…')
  }
}

export function integer(least: number, most: number = Number.MAX_SAFE_INTEGER): Check {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
  return (value, path) => {
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) refuse(path, value, `a whole number ${range}`)
  }
}

/** Says what kind of value was found; texts stay unseen, because a password may have been put into the wrong place. */
export function refuse(path: string, value: unknown, expected: string): never {
  const shape =
    typeof value === 'number' ? `the number ${value}` : value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`
  throw new ConfigurationError(`${path} must be ${expected}, and is ${shape}.`)
}
