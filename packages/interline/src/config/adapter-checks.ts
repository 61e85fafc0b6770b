import { ConfigurationError } from '@interline/core'
import { at, type Check, flag, integer, listed, listOf, oneOf, plainObject, port, refuse, shape, text, url } from './checks.js'
import { shown } from './shown.js'
import { suggestion } from './suggestion.js'

const count = integer(1)
const countOrNone = integer(0)

const tls: Check = (value, path) => {
  if (typeof value !== 'boolean' && (typeof value !== 'object' || value === null))
    refuse(path, value, 'usable', 'true, false or an object of TLS options')
}

/** No { and }, which mark the slot of a cluster. */
const prefix: Check = (value, path) => {
  if (typeof value !== 'string' || value === '' || /[{}]/.test(value)) refuse(path, value, 'usable', 'a text without { and }')
}

const redisConnection: Readonly<Record<string, Check>> = {
  url: url('redis', 'rediss'),
  host: text,
  port,
  username: text,
  password: text,
  db: integer(0, 1_000_000),
  tls,
  cluster: shape({ nodes: listOf(address, 'addresses such as 10.0.0.1:6379'), natMap: plainObject }),
  prefix,
  connectTimeoutMs: count,
  commandTimeoutMs: count,
}

/** The settings of every first-party broker, by its type. */
export const brokerSettings: Readonly<Record<string, Check>> = {
  memory: shape({ maxPending: count, historyLimit: countOrNone, maxMessageBytes: count }),
  redis: oneAddress({
    ...redisConnection,
    partitions: integer(1, 1_024),
    order: oneOf(['key', 'none']),
    waitForReplicas: integer(0, 100),
    blockMs: integer(10, 60_000),
    claimIdleMs: integer(400),
    publishTimeoutMs: count,
    retention: shape({ maxEvents: countOrNone, maxAgeMs: countOrNone }),
    ttl: count,
    maxEvents: countOrNone,
  }),
  'redis-pubsub': oneAddress({ ...redisConnection, maxBufferBytes: count }),
  rabbitmq: oneAddress({
    url: oneOrMore(url('amqp', 'amqps')),
    host: text,
    port,
    username: text,
    password: text,
    vhost: text,
    tls,
    prefix: text,
    order: oneOf(['key', 'none']),
    partitions: integer(1, 256),
    prefetch: integer(1, 2_000),
    heartbeatSeconds: integer(1, 60),
    connectTimeoutMs: count,
    confirmTimeoutMs: count,
    provision: flag,
    deadLetter: shape({ exchange: text, routingKey: text }),
    unroutable: oneOf(['accept', 'reject']),
  }),
  kafka: shape({
    brokers: listOf(address, 'addresses such as kafka1:9092'),
    clientId: text,
    groupId: text,
    ssl: tls,
    sasl: shape({ mechanism: text, username: text, password: text }),
    driver: oneOf(['kafkajs', 'platformatic']),
    order: oneOf(['key', 'none']),
    prefix: text,
    partitions: count,
    replicationFactor: count,
    provision: flag,
    sessionTimeoutMs: count,
    connectTimeoutMs: count,
    requestTimeoutMs: count,
    publishTimeoutMs: count,
    maxMessageBytes: count,
    metadataMaxAgeMs: count,
  }),
  nats: shape({
    url: oneOrMore(url('nats', 'tls')),
    user: text,
    password: text,
    token: text,
    tls,
    prefix: natsPrefix,
    replicas: count,
    retention: shape({ maxAgeMs: countOrNone, maxEvents: count, maxBytes: count }),
    ackWaitMs: integer(200),
    requestTimeoutMs: count,
    publishTimeoutMs: count,
    maxMessageBytes: count,
  }),
}

/** The settings of every first-party event store, by its type. */
export const storeSettings: Readonly<Record<string, Check>> = {
  memory: shape({ ttl: count, maxEvents: count }),
  redis: oneAddress({
    ...redisConnection,
    ttl: count,
    maxEvents: count,
    retention: shape({ maxEvents: count, maxAgeMs: count, unread: oneOf(['keep', 'remove']), intervalMs: integer(10) }),
    appendTimeoutMs: count,
  }),
  postgres: oneAddress({
    url: url('postgres', 'postgresql'),
    host: text,
    port,
    user: text,
    password: text,
    database: text,
    ssl: tls,
    schema: text,
    table: text,
    dataDir: text,
    maxConnections: count,
    pool: shape({ max: count }),
    statementTimeoutMs: count,
    connectTimeoutMs: count,
    commandTimeoutMs: count,
    appendTimeoutMs: count,
    prepare: flag,
    hints: flag,
    migrate: flag,
    retention: shape({ maxEvents: count, maxAgeMs: count, unread: oneOf(['keep', 'remove']), intervalMs: integer(10) }),
    archive: shape({
      folder: text,
      maxEvents: integer(0),
      maxAgeMs: integer(0),
      unread: oneOf(['keep', 'move']),
      minEvents: integer(1),
      keepMs: integer(1),
      intervalMs: integer(10),
    }),
    partition: shape({ by: oneOf(['month', 'week', 'day']), ahead: integer(1, 100), intervalMs: integer(10) }),
  }),
}

function oneAddress(fields: Readonly<Record<string, Check>>): Check {
  const check = shape(fields)
  return (value, path) => {
    check(value, path)
    const { url: whole, host } = value as Record<string, unknown>
    if (whole !== undefined && host !== undefined)
      throw new ConfigurationError(`${path}.url and ${path}.host each say where the server is. Give one of them.`)
  }
}

/** A broker or store as data: `{ type: 'redis', redis: { … } }`. */
export function adapterData(what: 'broker' | 'store', settings: Readonly<Record<string, Check>>): Check {
  const types = Object.keys(settings)
  return (value, path) => {
    const fields = plainObject(value, path)
    const { type } = fields
    if (typeof type !== 'string' || !Object.hasOwn(settings, type)) {
      const near = typeof type === 'string' ? suggestion(type, types) : ''
      throw new ConfigurationError(
        `${path}.type: ${shown(type)} is not a ${what}; expected ${listed(types)}, or an instance of another ${what}.${near}`,
      )
    }
    for (const [name, section] of Object.entries(fields)) {
      if (name === 'type' || section === undefined) continue
      if (name === type) settings[type]?.(section, at(path, name))
      else throw new ConfigurationError(`${at(path, name)}: ${misplaced(name, type, types)}`)
    }
  }
}

function misplaced(name: string, type: string, types: readonly string[]): string {
  if (types.includes(name)) return `settings of another type than "${type}". Remove them, or set type: '${name}'.`
  return `unknown key.${suggestion(name, ['type', type]) || ` Settings belong into "${type}".`}`
}

/** Part of the names of subjects and streams. */
function natsPrefix(value: unknown, path: string): void {
  if (typeof value !== 'string' || !/^[\w-]+$/.test(value)) refuse(path, value, 'usable', 'letters, digits, "-" and "_"')
}

function oneOrMore(check: Check): Check {
  const many = listOf(check, 'one or a list of them')
  return (value, path) => (Array.isArray(value) ? many : check)(value, path)
}

function address(value: unknown, path: string): void {
  if (typeof value !== 'string' || !/^[^\s:/@]+:\d{1,5}$/.test(value)) refuse(path, value, 'an address', 'host:port, such as kafka1:9092')
}
