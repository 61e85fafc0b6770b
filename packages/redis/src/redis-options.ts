import { ConfigurationError, checkOptions, type OptionCheckList, optionChecks, refuseOption } from '@interline/core'
import type { Cluster, Redis } from 'ioredis'
import { nodeAddress, settingsOf } from './cluster/cluster-client.js'

/** How much handled history the streams of a destination keep, for `from: 'beginning'`. What a group has not handled is never removed. */
export interface RedisRetention {
  /** Handled events kept for each destination, newest first. 0 removes an event as soon as every group has handled it. */
  readonly maxEvents?: number | undefined
  /** How long handled events are kept. */
  readonly maxAgeMs?: number | undefined
}

export interface RedisClusterOptions {
  /** Such as `['10.0.0.1:6379', '10.0.0.2:6379']`. */
  readonly nodes: readonly string[]
  /** Addresses as the cluster names them, to those that are reached from here. */
  readonly natMap?: Readonly<Record<string, NodeAddress>> | undefined
}

export interface NodeAddress {
  readonly host: string
  readonly port: number
}

/** Where Redis is. Either `url`, or `host` and its companions, or a `cluster`, or a `client`. */
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
  /** Redis Cluster: some of its nodes, from which the others are found. User name, password and TLS are the same for all of them. */
  readonly cluster?: RedisClusterOptions | undefined
  /**
   * An ioredis client (5.10 or later), also one of a cluster, whose settings are used for connections of our own. It is never used itself
   * and never closed.
   */
  readonly client?: Redis | Cluster | undefined
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
  /** `none` gives up order by key: consumers share every partition, and none waits for another's lease. Default `key`. */
  readonly order?: 'key' | 'none' | undefined
  /** How long one blocking read waits on the server, default 2,000. */
  readonly blockMs?: number | undefined
  /** After how much silence a consumer counts as dead and its events go to others, default 8,000. Renewed at a quarter of it. */
  readonly claimIdleMs?: number | undefined
  /** How long a publish is tried again before it is rejected, default 15,000. */
  readonly publishTimeoutMs?: number | undefined
  /** How many replicas must have a publish before it resolves, default 0. Fewer in time: it is tried again, then `unknown`. */
  readonly waitForReplicas?: number | undefined
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
  /** Nodes to begin with, where it is a cluster. */
  readonly cluster: readonly NodeAddress[] | undefined
  readonly natMap: Readonly<Record<string, NodeAddress>> | undefined
  /** Settings of an injected cluster client for each of its nodes. */
  readonly nodeSettings: object | undefined
  readonly prefix: string
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
}

export interface ResolvedOptions extends ResolvedConnection {
  readonly partitions: number
  readonly order: 'key' | 'none'
  readonly blockMs: number
  readonly claimIdleMs: number
  readonly publishTimeoutMs: number
  readonly waitForReplicas: number
  readonly maxEvents: number | undefined
  readonly maxAgeMs: number | undefined
}

const connectionDefaults = { host: '127.0.0.1', port: 6379, prefix: 'interline', connectTimeoutMs: 5_000, commandTimeoutMs: 5_000 } as const
const brokerDefaults = {
  partitions: 8,
  order: 'key',
  blockMs: 2_000,
  claimIdleMs: 8_000,
  publishTimeoutMs: 15_000,
  waitForReplicas: 0,
} as const
const defaultMaxEvents = 10_000

const { integer, oneOf, text, within } = optionChecks

export const connectionChecks: OptionCheckList = {
  url: url,
  host: text,
  port: integer(1, 65_535),
  username: text,
  password: text,
  db: integer(0, 1_000_000),
  tls: (value, path) => {
    if (typeof value !== 'boolean' && (typeof value !== 'object' || value === null))
      refuseOption(path, value, 'true, false or options of node:tls')
  },
  client: (value, path) => {
    if (typeof value !== 'object' || value === null || typeof (value as Partial<Redis>).duplicate !== 'function') {
      refuseOption(path, value, 'an ioredis client')
    }
  },
  cluster: (value, path) => {
    checkOptions(value, path, { nodes: nodeList, natMap: addressMap })
    nodeList((value as Partial<RedisClusterOptions>).nodes, `${path}.nodes`)
  },
  prefix: (value, path) => {
    text(value, path)
    if (/[{}]/.test(value as string)) refuseOption(path, value, 'text without { and }, which mark the slot of a cluster')
  },
  connectTimeoutMs: integer(1),
  commandTimeoutMs: integer(1),
}

const brokerChecks: OptionCheckList = {
  ...connectionChecks,
  partitions: integer(1, 1_024),
  order: oneOf('key', 'none'),
  blockMs: integer(10, 60_000),
  claimIdleMs: integer(400),
  publishTimeoutMs: integer(1),
  waitForReplicas: integer(0, 100),
  ttl: integer(1),
  maxEvents: integer(0),
  retention: within({ maxEvents: integer(0), maxAgeMs: integer(0) }),
}

/** Refuses unknown keys, wrong types and contradictions; fills in the defaults. Never shows a value that may be a secret. */
export function resolveOptions(options: RedisOptions = {}): ResolvedOptions {
  checkOptions(options, 'redis', brokerChecks)
  if (options.ttl !== undefined && options.retention?.maxAgeMs !== undefined) {
    throw new ConfigurationError('redis.ttl and redis.retention.maxAgeMs say the same thing. Give one of them.')
  }
  if (options.maxEvents !== undefined && options.retention?.maxEvents !== undefined) {
    throw new ConfigurationError('redis.maxEvents and redis.retention.maxEvents say the same thing. Give one of them.')
  }
  const maxAgeMs = options.ttl === undefined ? options.retention?.maxAgeMs : options.ttl * 1_000
  const maxEvents = options.maxEvents ?? options.retention?.maxEvents ?? (maxAgeMs === undefined ? defaultMaxEvents : undefined)
  return {
    ...toConnection(options),
    partitions: options.partitions ?? brokerDefaults.partitions,
    order: options.order ?? brokerDefaults.order,
    blockMs: options.blockMs ?? brokerDefaults.blockMs,
    claimIdleMs: options.claimIdleMs ?? brokerDefaults.claimIdleMs,
    publishTimeoutMs: options.publishTimeoutMs ?? brokerDefaults.publishTimeoutMs,
    waitForReplicas: options.waitForReplicas ?? brokerDefaults.waitForReplicas,
    maxEvents,
    maxAgeMs,
  }
}

export function resolveConnection(options: RedisConnectionOptions = {}): ResolvedConnection {
  checkOptions(options, 'redis', connectionChecks)
  return toConnection(options)
}

export function toConnection(options: RedisConnectionOptions): ResolvedConnection {
  const addressed = (['url', 'host', 'cluster', 'client'] as const).filter((name) => options[name] !== undefined)
  if (addressed.length > 1) {
    throw new ConfigurationError(`${addressed.map((name) => `redis.${name}`).join(' and ')} each say where Redis is. Give one of them.`)
  }
  if (options.cluster !== undefined && options.db !== undefined && options.db !== 0) {
    throw new ConfigurationError('redis.db must be 0 on a Redis Cluster, which has one database only. Leave it out.')
  }
  const injected = options.client?.isCluster === true ? settingsOf(options.client as Cluster) : undefined
  const nodes = options.cluster?.nodes.map(nodeAddress) ?? injected?.nodes
  return {
    cluster: nodes,
    natMap: options.cluster?.natMap ?? injected?.natMap,
    nodeSettings: injected?.settings,
    url: options.url,
    host: options.host ?? connectionDefaults.host,
    port: options.port ?? connectionDefaults.port,
    username: options.username,
    password: options.password,
    db: options.db,
    tls: options.tls,
    client: injected === undefined ? (options.client as Redis | undefined) : undefined,
    prefix: `${options.client?.options.keyPrefix ?? ''}${options.prefix ?? connectionDefaults.prefix}`,
    connectTimeoutMs: options.connectTimeoutMs ?? connectionDefaults.connectTimeoutMs,
    commandTimeoutMs: options.commandTimeoutMs ?? connectionDefaults.commandTimeoutMs,
  }
}

function nodeList(value: unknown, path: string): void {
  const isAddress = (each: unknown): boolean => typeof each === 'string' && /^[^\s/@]+:\d{1,5}$/.test(each)
  if (!Array.isArray(value) || value.length === 0 || !value.every(isAddress))
    refuseOption(path, value, 'a list of addresses such as 10.0.0.1:6379')
}

function addressMap(value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null) refuseOption(path, value, 'an object from address to { host, port }')
  for (const [address, to] of Object.entries(value as object))
    checkOptions(to, `${path}["${address}"]`, { host: text, port: integer(1, 65_535) })
}

function url(value: unknown, path: string): void {
  if (typeof value !== 'string' || !/^rediss?:\/\//.test(value) || !URL.canParse(value)) {
    refuseOption(path, value, 'a URL such as redis://localhost:6379/0 or rediss://…')
  }
}
