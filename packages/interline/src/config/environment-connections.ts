import type {
  KafkaBrokerConfig,
  NatsBrokerConfig,
  PostgresStoreConfig,
  RabbitMqBrokerConfig,
  RedisConnectionConfig,
} from './adapter-config.js'
import { integer, listOf, port, text, url } from './checks.js'
import { defined } from './defined.js'
import type { Variables } from './variables.js'

const database = integer(0)

/** `REDIS_*`, or another prefix for a Redis of its own. */
export function redisFromEnvironment(
  variables: Variables,
  prefix: 'REDIS' | 'REDIS_EVENT_STORE' = 'REDIS',
): RedisConnectionConfig | undefined {
  const nodes = variables.list(`${prefix}_CLUSTER_NODES`)
  return defined({
    cluster: nodes === undefined ? undefined : { nodes },
    url: variables.checked(`${prefix}_URL`, url('redis', 'rediss')),
    host: variables.text(`${prefix}_HOST`),
    port: variables.number(`${prefix}_PORT`, port),
    username: variables.text(`${prefix}_USERNAME`),
    password: variables.text(`${prefix}_PASSWORD`),
    db: variables.number(`${prefix}_DB`, database),
    tls: variables.flag(`${prefix}_TLS`),
  })
}

export function rabbitMqFromEnvironment(variables: Variables): RabbitMqBrokerConfig | undefined {
  return defined({
    url: variables.checked('RABBITMQ_URL', url('amqp', 'amqps')),
    host: variables.text('RABBITMQ_HOST'),
    port: variables.number('RABBITMQ_PORT', port),
    username: variables.text('RABBITMQ_USERNAME'),
    password: variables.text('RABBITMQ_PASSWORD'),
    vhost: variables.text('RABBITMQ_VHOST'),
  })
}

export function kafkaFromEnvironment(variables: Variables): KafkaBrokerConfig | undefined {
  const brokers = variables.list('KAFKA_BROKERS')
  if (brokers !== undefined) listOf(text, 'addresses such as kafka1:9092')(brokers, 'KAFKA_BROKERS')
  return defined({ brokers, clientId: variables.text('KAFKA_CLIENT_ID'), groupId: variables.text('KAFKA_GROUP_ID') })
}

export function natsFromEnvironment(variables: Variables): NatsBrokerConfig | undefined {
  return defined({
    url: variables.checked('NATS_URL', url('nats', 'tls')),
    user: variables.text('NATS_USER'),
    password: variables.text('NATS_PASSWORD'),
    token: variables.text('NATS_TOKEN'),
  })
}

/** The store's own address, else the program's, else what every PostgreSQL client reads. */
export function postgresFromEnvironment(variables: Variables): PostgresStoreConfig | undefined {
  const own = variables.checked('EVENT_STORE_CONNECTION_URL', url('postgres', 'postgresql'))
  const general = variables.text('DATABASE_URL')
  const place =
    own ??
    (general !== undefined && /^postgres(ql)?:/.test(general)
      ? variables.checked('DATABASE_URL', url('postgres', 'postgresql'))
      : undefined)
  return defined({
    ...(place === undefined ? hostFromEnvironment(variables) : { url: place }),
    maxConnections: variables.number('EVENT_STORE_MAX_CONNECTIONS', integer(1)),
  })
}

function hostFromEnvironment(variables: Variables): PostgresStoreConfig {
  return {
    host: variables.text('PGHOST'),
    port: variables.number('PGPORT', port),
    user: variables.text('PGUSER'),
    password: variables.text('PGPASSWORD'),
    database: variables.text('PGDATABASE'),
  }
}
