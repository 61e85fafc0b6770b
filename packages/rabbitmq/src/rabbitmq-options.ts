import { ConfigurationError, checkOptions, type OptionCheck, optionChecks, refuseOption } from '@interline/core'
import type { ChannelModel } from 'amqplib'

/** Where dead letters go instead of the group's own queue. Both must exist: a letter that no queue takes keeps its event in hand. */
export interface RabbitMqDeadLetterOptions {
  readonly exchange: string
  readonly routingKey?: string | undefined
}

export interface RabbitMqOptions {
  /**
   * `amqp://user:password@host:5672/vhost` or `amqps://…`; of a cluster one for each node, which are tried in turn, beginning with any of
   * them. Either this, or `host` and its companions.
   */
  readonly url?: string | readonly string[] | undefined
  /** Default 127.0.0.1. */
  readonly host?: string | undefined
  /** Default 5672, and 5671 with `tls`. */
  readonly port?: number | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Default `/`. */
  readonly vhost?: string | undefined
  /** `true`, or the options of `node:tls`. */
  readonly tls?: boolean | object | undefined
  /** The beginning of every exchange's and queue's name, default `interline`. */
  readonly prefix?: string | undefined
  /** What groups may ask for, default `key`. With `none` every group has one queue, and asking for order is refused. */
  readonly order?: 'key' | 'none' | undefined
  /** Queues of a group that keeps order by key, default 8. Fixed when a destination is first used: order by key hangs on it. */
  readonly partitions?: number | undefined
  /** The most unsettled messages for each queue and consumer. Default: the bus's window; 2,000 is the most that RabbitMQ takes. */
  readonly prefetch?: number | undefined
  /** Silence after which a connection counts as dead is three times this; default 8. */
  readonly heartbeatSeconds?: number | undefined
  /** How long one attempt to connect may take, default 5,000. */
  readonly connectTimeoutMs?: number | undefined
  /** How long a publish is tried before it is rejected, default 15,000. */
  readonly confirmTimeoutMs?: number | undefined
  /** `false` declares nothing and says what is missing. Default `true`. */
  readonly provision?: boolean | undefined
  readonly deadLetter?: RabbitMqDeadLetterOptions | undefined
  /** What becomes of an event that no group wants: `accept` (default; nobody gets it), or `reject` its publish. */
  readonly unroutable?: 'accept' | 'reject' | undefined
  /** A connection of your own, for consuming and publishing. It is never closed, and not made anew when it breaks. */
  readonly connection?: ChannelModel | undefined
}

export interface ResolvedOptions {
  /** One for each node that may be asked. */
  readonly addresses: readonly [Address, ...Address[]]
  readonly tls: boolean | object
  readonly prefix: string
  readonly order: 'key' | 'none'
  readonly partitions: number
  readonly prefetch: number
  readonly heartbeatSeconds: number
  readonly connectTimeoutMs: number
  readonly confirmTimeoutMs: number
  readonly provision: boolean
  readonly deadLetter: RabbitMqDeadLetterOptions | undefined
  readonly unroutable: 'accept' | 'reject'
  readonly connection: ChannelModel | undefined
}

export interface Address {
  readonly protocol: 'amqp' | 'amqps'
  readonly hostname: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly vhost: string
}

/** The largest prefetch of a quorum queue. */
const largestPrefetch = 2_000

const defaults = {
  tls: false,
  prefix: 'interline',
  order: 'key',
  partitions: 8,
  prefetch: largestPrefetch,
  heartbeatSeconds: 8,
  connectTimeoutMs: 5_000,
  confirmTimeoutMs: 15_000,
  provision: true,
  unroutable: 'accept',
} as const satisfies Partial<RabbitMqOptions>

const { integer, kind, oneOf, text } = optionChecks

const checks: Readonly<Record<keyof RabbitMqOptions, OptionCheck>> = {
  url: (value, path) => {
    if (Array.isArray(value) && value.length === 0) refuseOption(path, value, 'a URL, or a list of them')
    for (const each of [value].flat()) url(each, path)
  },
  host: text,
  port: integer(1, 65_535),
  username: text,
  password: text,
  vhost: text,
  tls: (value, path) => {
    if (typeof value !== 'boolean' && (typeof value !== 'object' || value === null))
      refuseOption(path, value, 'true, false or options of node:tls')
  },
  prefix: (value, path) => {
    text(value, path)
    if ((value as string).length > 100) refuseOption(path, value, 'a text of at most 100 characters')
  },
  order: oneOf('key', 'none'),
  partitions: integer(1, 256),
  prefetch: integer(1, largestPrefetch),
  heartbeatSeconds: integer(1, 60),
  connectTimeoutMs: integer(1),
  confirmTimeoutMs: integer(1),
  provision: kind('boolean'),
  deadLetter: (value, path) => {
    checkOptions(value, path, { exchange: text, routingKey: text })
    if ((value as Partial<RabbitMqDeadLetterOptions>).exchange === undefined)
      refuseOption(`${path}.exchange`, undefined, 'the name of an exchange')
  },
  unroutable: oneOf('accept', 'reject'),
  connection: (value, path) => {
    if (typeof (value as Partial<ChannelModel> | null)?.createConfirmChannel !== 'function')
      refuseOption(path, value, 'what `connect` of amqplib gives')
  },
}

/** Refuses unknown keys, wrong types and contradictions; fills in the defaults. Never shows a value that may be a secret. */
export function resolveOptions(options: RabbitMqOptions = {}): ResolvedOptions {
  checkOptions(options, 'rabbitmq', checks)
  if (options.url !== undefined && options.host !== undefined) {
    throw new ConfigurationError('rabbitmq.url and rabbitmq.host each say where RabbitMQ is. Give one of them.')
  }
  return {
    addresses: addressesOf(options),
    tls: options.tls ?? defaults.tls,
    prefix: options.prefix ?? defaults.prefix,
    order: options.order ?? defaults.order,
    partitions: options.partitions ?? defaults.partitions,
    prefetch: options.prefetch ?? defaults.prefetch,
    heartbeatSeconds: options.heartbeatSeconds ?? defaults.heartbeatSeconds,
    connectTimeoutMs: options.connectTimeoutMs ?? defaults.connectTimeoutMs,
    confirmTimeoutMs: options.confirmTimeoutMs ?? defaults.confirmTimeoutMs,
    provision: options.provision ?? defaults.provision,
    deadLetter: options.deadLetter,
    unroutable: options.unroutable ?? defaults.unroutable,
    connection: options.connection,
  }
}

function addressesOf(options: RabbitMqOptions): readonly [Address, ...Address[]] {
  const [first, ...others] = [options.url ?? []].flat()
  if (first === undefined) return [addressOf(options)]
  return [addressOfUrl(first, options), ...others.map((each) => addressOfUrl(each, options))]
}

function addressOf(options: RabbitMqOptions): Address {
  const secure = options.tls !== undefined && options.tls !== false
  return {
    protocol: secure ? 'amqps' : 'amqp',
    hostname: options.host ?? '127.0.0.1',
    port: options.port ?? (secure ? 5671 : 5672),
    username: options.username ?? 'guest',
    password: options.password ?? 'guest',
    vhost: options.vhost ?? '/',
  }
}

function addressOfUrl(text: string, options: RabbitMqOptions): Address {
  const { protocol, hostname, port, username, password, pathname } = new URL(text)
  const secure = protocol === 'amqps:' || (options.tls !== undefined && options.tls !== false)
  const vhost = decodeURIComponent(pathname.slice(1))
  return {
    protocol: secure ? 'amqps' : 'amqp',
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (options.port ?? (secure ? 5671 : 5672)) : Number(port),
    username: options.username ?? (username === '' ? 'guest' : decodeURIComponent(username)),
    password: options.password ?? (username === '' ? 'guest' : decodeURIComponent(password)),
    vhost: options.vhost ?? (vhost === '' ? '/' : vhost),
  }
}

function url(value: unknown, path: string): void {
  if (typeof value !== 'string' || !/^amqps?:\/\//.test(value) || !URL.canParse(value)) {
    refuseOption(path, value, 'a URL such as amqp://localhost:5672/vhost or amqps://…')
  }
}
