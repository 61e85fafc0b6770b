import type { BrokerConfig, RedisConnectionConfig, StoreConfig } from './adapter-config.js'
import {
  kafkaFromEnvironment,
  natsFromEnvironment,
  postgresFromEnvironment,
  rabbitMqFromEnvironment,
  redisFromEnvironment,
} from './environment-connections.js'
import type { Variables } from './variables.js'

const redisPlace = ['url', 'host', 'port', 'cluster', 'username', 'password', 'db', 'tls'] as const
const rabbitMqPlace = ['url', 'host', 'port', 'username', 'password', 'vhost', 'tls'] as const
const postgresPlace = ['url', 'host', 'port', 'user', 'password', 'database', 'ssl', 'dataDir'] as const

/** The broker's settings; those without an address get the environment's. */
export function withBrokerConnection(broker: BrokerConfig, variables: Variables): BrokerConfig {
  switch (broker.type) {
    case 'redis':
      return {
        type: 'redis',
        redis: says(broker.redis, redisPlace) ? broker.redis : { ...broker.redis, ...redisFromEnvironment(variables) },
      }
    case 'redis-pubsub': {
      const own = broker['redis-pubsub']
      return { type: 'redis-pubsub', 'redis-pubsub': says(own, redisPlace) ? own : { ...own, ...redisFromEnvironment(variables) } }
    }
    case 'rabbitmq':
      return {
        type: 'rabbitmq',
        rabbitmq: says(broker.rabbitmq, rabbitMqPlace) ? broker.rabbitmq : { ...broker.rabbitmq, ...rabbitMqFromEnvironment(variables) },
      }
    case 'kafka':
      return {
        type: 'kafka',
        kafka: broker.kafka?.brokers === undefined ? merged(kafkaFromEnvironment(variables) ?? {}, broker.kafka) : broker.kafka,
      }
    case 'nats':
      return {
        type: 'nats',
        nats: broker.nats?.url === undefined ? merged(natsFromEnvironment(variables) ?? {}, broker.nats) : broker.nats,
      }
    case 'memory':
      return broker
    default:
      return broker satisfies never
  }
}

/**
 * The store's settings. One that names no server is where its vendor's broker is, whatever else it says (a database of its own, its
 * retention); without such a broker it is where the environment says.
 */
export function withStoreConnection(store: StoreConfig, broker: BrokerConfig | undefined, variables: Variables): StoreConfig {
  switch (store.type) {
    case 'redis':
      return { type: 'redis', redis: redisStore(store.redis, redisOf(broker), variables) }
    case 'postgres':
      return {
        type: 'postgres',
        postgres: says(store.postgres, postgresPlace) ? store.postgres : merged(postgresFromEnvironment(variables) ?? {}, store.postgres),
      }
    case 'memory':
      return store
    default:
      return store satisfies never
  }
}

function redisOf(broker: BrokerConfig | undefined): RedisConnectionConfig | undefined {
  if (broker?.type === 'redis') return broker.redis
  return broker?.type === 'redis-pubsub' ? broker['redis-pubsub'] : undefined
}

function redisStore(
  own: Extract<StoreConfig, { type: 'redis' }>['redis'],
  brokers: RedisConnectionConfig | undefined,
  variables: Variables,
): Extract<StoreConfig, { type: 'redis' }>['redis'] {
  if (says(own, ['url', 'host', 'port', 'cluster'])) return own
  if (brokers !== undefined) {
    const { url, host, port, cluster, username, password, db, tls, prefix, connectTimeoutMs, commandTimeoutMs } = brokers
    return merged({ url, host, port, cluster, username, password, db, tls, prefix, connectTimeoutMs, commandTimeoutMs }, own)
  }
  if (says(own, redisPlace)) return own
  return merged(redisFromEnvironment(variables, 'REDIS_EVENT_STORE') ?? redisFromEnvironment(variables) ?? {}, own)
}

function says<T extends object>(settings: T | undefined, names: readonly (keyof T)[]): boolean {
  return settings !== undefined && names.some((name) => settings[name] !== undefined)
}

/** What is undefined above does not hide what is below. */
function merged<T extends object>(below: T, above: T | undefined): T {
  return { ...below, ...Object.fromEntries(Object.entries(above ?? {}).filter(([, value]) => value !== undefined)) }
}
