import { ConfigurationError, checkOptions, type ILogger, type OptionCheck, optionChecks, refuseOption } from '@interline/core'

export interface KafkaSasl {
  readonly mechanism?: 'plain' | 'scram-sha-256' | 'scram-sha-512' | (string & {}) | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
}

export type DriverName = 'kafkajs' | 'platformatic'

export interface KafkaOptions {
  /** Such as `['kafka1:9092', 'kafka2:9092']`. Default 127.0.0.1:9092. */
  readonly brokers?: readonly string[] | undefined
  /** How this program is called in the broker's logs and quotas. Default `interline`. */
  readonly clientId?: string | undefined
  /** `true`, or the options of `node:tls`. */
  readonly ssl?: boolean | object | undefined
  readonly sasl?: KafkaSasl | undefined
  /** Which client library: kafkajs, which comes along (default), or @platformatic/kafka, which is to be installed and needs Node 22.22. */
  readonly driver?: DriverName | undefined
  /** `none` gives up order by key: retries wait in the group's own topic, and hold up nothing. Default `key`. */
  readonly order?: 'key' | 'none' | undefined
  /** The beginning of the name of every topic and group. Default none. */
  readonly prefix?: string | undefined
  /** Partitions of a topic that is made here, default 8. A topic that exists keeps its own. */
  readonly partitions?: number | undefined
  /** Copies of a topic that is made here. Default: as the cluster says. */
  readonly replicationFactor?: number | undefined
  /** `false`: no topic is made, and one that is missing is refused with its name. Default true. */
  readonly provision?: boolean | undefined
  /** After how much silence a consumer counts as dead and its events go to others, default 10,000. The broker sets what is allowed (6,000 and more). */
  readonly sessionTimeoutMs?: number | undefined
  /** Default: a sixth of the session, and at most 1,000. */
  readonly heartbeatIntervalMs?: number | undefined
  /** How long one fetch waits on the server for the first event, default 500. */
  readonly maxWaitTimeInMs?: number | undefined
  /** The most that one fetch brings, default 4 MiB. */
  readonly maxFetchBytes?: number | undefined
  /** How long a partition that goes to another process waits for handlers that run, default 30,000. */
  readonly handOverTimeoutMs?: number | undefined
  /** How long commits are collected, default 5. */
  readonly commitIntervalMs?: number | undefined
  /** How long one attempt to connect may take, default 3,000. */
  readonly connectTimeoutMs?: number | undefined
  /** How long the server may take to answer one request, default 8,000. */
  readonly requestTimeoutMs?: number | undefined
  /** How long a publish is tried again before it is rejected, default 15,000. */
  readonly publishTimeoutMs?: number | undefined
  /** The largest event, as the broker's `message.max.bytes` allows it. Default 1,000,000. */
  readonly maxMessageBytes?: number | undefined
  /** How old what is known of the cluster may be, default 60,000: after so long, partitions that were added are seen. */
  readonly metadataMaxAgeMs?: number | undefined
  /** More options of the client library: of kafkajs' client, such as `socketFactory`, or of platformatic's connections. What the adapter sets itself can't be changed by it. */
  readonly clientOptions?: object | undefined
  /** Gets what kafkajs logs, as `debug`; the other driver logs nothing. */
  readonly logger?: ILogger | undefined
}

export interface ResolvedOptions {
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly ssl: boolean | object | undefined
  readonly sasl: KafkaSasl | undefined
  readonly driver: DriverName
  readonly order: 'key' | 'none'
  readonly prefix: string
  readonly partitions: number
  readonly replicationFactor: number
  readonly provision: boolean
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly maxWaitTimeInMs: number
  readonly maxFetchBytes: number
  readonly handOverTimeoutMs: number
  readonly commitIntervalMs: number
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly publishTimeoutMs: number
  readonly maxMessageBytes: number
  readonly metadataMaxAgeMs: number
  readonly clientOptions: object
  readonly logger: ILogger | undefined
}

const defaults = {
  brokers: ['127.0.0.1:9092'] as readonly string[],
  clientId: 'interline',
  ssl: undefined,
  sasl: undefined,
  driver: 'kafkajs',
  order: 'key',
  prefix: '',
  partitions: 8,
  replicationFactor: -1,
  provision: true,
  sessionTimeoutMs: 10_000,
  maxWaitTimeInMs: 500,
  maxFetchBytes: 4 * 1024 * 1024,
  handOverTimeoutMs: 30_000,
  commitIntervalMs: 5,
  connectTimeoutMs: 3_000,
  requestTimeoutMs: 8_000,
  publishTimeoutMs: 15_000,
  // Kafka's own default is 1,048,588 for a batch of records; names and frames take a part of it
  maxMessageBytes: 1_000_000,
  metadataMaxAgeMs: 60_000,
  clientOptions: {},
  logger: undefined,
} as const

const { integer, kind, oneOf, text, within } = optionChecks

const checks: Readonly<Record<keyof KafkaOptions, OptionCheck>> = {
  brokers: (value, path) => {
    const isAddress = (each: unknown): boolean => typeof each === 'string' && /^[^\s:]+:\d+$/.test(each)
    if (!Array.isArray(value) || value.length === 0 || !value.every(isAddress))
      refuseOption(path, value, 'addresses such as ["kafka1:9092"]')
  },
  clientId: text,
  ssl: (value, path) => {
    if (typeof value !== 'boolean' && !isObject(value)) refuseOption(path, value, 'true, false or options of node:tls')
  },
  sasl: within({ mechanism: text, username: text, password: text }),
  driver: oneOf('kafkajs', 'platformatic'),
  order: oneOf('key', 'none'),
  prefix: (value, path) => {
    if (typeof value !== 'string' || !/^[a-zA-Z0-9._-]*$/.test(value))
      refuseOption(path, value, 'text of letters, digits, ".", "_" and "-"')
  },
  partitions: integer(1),
  replicationFactor: integer(1, 100),
  provision: kind('boolean'),
  sessionTimeoutMs: integer(100),
  heartbeatIntervalMs: integer(10),
  maxWaitTimeInMs: integer(1, 60_000),
  maxFetchBytes: integer(1_024),
  handOverTimeoutMs: integer(0),
  commitIntervalMs: integer(0),
  connectTimeoutMs: integer(1),
  requestTimeoutMs: integer(1),
  publishTimeoutMs: integer(1),
  maxMessageBytes: integer(1),
  metadataMaxAgeMs: integer(100),
  clientOptions: (value, path) => {
    if (!isObject(value)) refuseOption(path, value, 'an object of options')
  },
  logger: (value, path) => {
    if (!isObject(value)) refuseOption(path, value, 'a logger')
  },
}

/** Refuses unknown keys and wrong values, and fills in the defaults. Never shows a value that may be a secret. */
export function resolveOptions(options: KafkaOptions = {}): ResolvedOptions {
  checkOptions(options, 'kafka', checks)
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<ResolvedOptions>
  const sessionTimeoutMs = given.sessionTimeoutMs ?? defaults.sessionTimeoutMs
  const heartbeatIntervalMs = given.heartbeatIntervalMs ?? Math.min(1_000, Math.ceil(sessionTimeoutMs / 6))
  if (heartbeatIntervalMs * 3 > sessionTimeoutMs) {
    throw new ConfigurationError('kafka.heartbeatIntervalMs must be a third of kafka.sessionTimeoutMs or less.')
  }
  return { ...defaults, ...given, sessionTimeoutMs, heartbeatIntervalMs }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
