import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { ownVariables, waitingVariables } from '../src/config/environment-names.js'
import { configFromEnv, createBus } from '../src/index.js'

const reference = await readFile(join(import.meta.dirname, '../../../docs/configuration.md'), 'utf8')

describe('configFromEnv', () => {
  it('gives nothing for an environment that says nothing, and a bus that works all the same', async () => {
    expect(configFromEnv({ PATH: '/bin', REDIS_PASSWORD: '' })).toEqual({})
    await createBus(configFromEnv({})).close()
  })

  it('reads what a development environment with Redis and RabbitMQ says', () => {
    const config = configFromEnv({
      REDIS_EVENT_STORE_HOST: 'localhost',
      REDIS_EVENT_STORE_PORT: '6379',
      REDIS_EVENT_STORE_PASSWORD: 'strong-password',
      REDIS_EVENT_STORE_DB: '1',
      RABBITMQ_HOST: 'localhost',
      RABBITMQ_PORT: '5672',
      RABBITMQ_USERNAME: 'guest',
      RABBITMQ_PASSWORD: 'guest',
      RABBITMQ_VHOST: '/',
      EVENT_RETRY_MAX_ATTEMPTS: '3',
      EVENT_RETRY_DELAY: '1000',
      EVENT_DEAD_LETTER_ENABLED: 'true',
      EVENT_TRACKING_ENABLED: 'true',
    })
    expect(config).toEqual({
      broker: { type: 'rabbitmq', rabbitmq: { host: 'localhost', port: 5672, username: 'guest', password: 'guest', vhost: '/' } },
      store: { type: 'redis', redis: { host: 'localhost', port: 6379, password: 'strong-password', db: 1 } },
      retry: { maxAttempts: 3, backoff: { delayMs: 1_000 } },
      deadLetter: { enabled: true },
      unused: [{ name: 'EVENT_TRACKING_ENABLED', reason: expect.stringContaining('@interline/telemetry'), answeredBy: 'instrumentation' }],
    })
  })

  it('reads what an environment with an event store in PostgreSQL says', () => {
    const config = configFromEnv({
      EVENT_STORE_CONNECTION_URL: 'postgresql://app:secret@db/events',
      EVENT_STORE_MAX_CONNECTIONS: '20',
      EVENT_BUS_MAX_RETRIES: '3',
      EVENT_BUS_RETRY_DELAY_MS: '1000',
      EVENT_BUS_DEAD_LETTER_ENABLED: 'true',
      EVENT_MONITORING_ENABLED: 'true',
      EVENT_METRICS_EXPORT_INTERVAL: '3600000',
      SNAPSHOT_INTERVAL_VERSIONS: '100',
      SNAPSHOT_RETENTION_DAYS: '30',
    })
    expect(config).toMatchObject({
      store: { type: 'postgres', postgres: { url: 'postgresql://app:secret@db/events', maxConnections: 20 } },
      retry: { maxAttempts: 4, backoff: { delayMs: 1_000 } },
      deadLetter: { enabled: true },
    })
    expect(config.unused?.map(({ name }) => name)).toEqual(['EVENT_MONITORING_ENABLED', 'EVENT_METRICS_EXPORT_INTERVAL'])
  })

  it('takes the address of a PostgreSQL store from the variable that is nearest to it', () => {
    const storeIn = (environment: Record<string, string>) => configFromEnv({ INTERLINE_STORE: 'postgres', ...environment }).store
    const general = {
      DATABASE_URL: 'postgres://app@db/app',
      PGHOST: 'other',
      PGPORT: '5433',
      PGUSER: 'me',
      PGPASSWORD: 'x',
      PGDATABASE: 'd',
    }
    expect(storeIn({ ...general, EVENT_STORE_CONNECTION_URL: 'postgresql://app@events/events' })).toEqual({
      type: 'postgres',
      postgres: { url: 'postgresql://app@events/events' },
    })
    expect(storeIn(general)).toEqual({ type: 'postgres', postgres: { url: 'postgres://app@db/app' } })
    const host = { host: 'other', port: 5_433, user: 'me', password: 'x', database: 'd' }
    expect(storeIn({ ...general, DATABASE_URL: 'mysql://app@db/app' })).toEqual({ type: 'postgres', postgres: host })
    expect(configFromEnv(general).store).toBeUndefined()
  })

  it('reads every variable of its own', () => {
    const config = configFromEnv({
      INTERLINE_SERVICE: 'shop',
      INTERLINE_ENVIRONMENT: 'production',
      INTERLINE_TENANT_ID: 'acme',
      INTERLINE_BROKER: 'redis',
      INTERLINE_STORE: 'redis',
      INTERLINE_REDIS_PREFIX: 'shop',
      INTERLINE_LOCAL_TYPES: 'Ticked, Tocked',
      INTERLINE_REMOTE_TYPES: 'Reported',
      INTERLINE_RETRY_MAX_ATTEMPTS: '7',
      INTERLINE_RETRY_BACKOFF: 'fixed',
      INTERLINE_RETRY_DELAY_MS: '50',
      INTERLINE_RETRY_MAX_DELAY_MS: '500',
      INTERLINE_DEAD_LETTER_ENABLED: 'no',
      INTERLINE_DEDUP_TTL_MS: '60000',
      INTERLINE_DESTINATIONS: 'topic',
      INTERLINE_CONCURRENCY: '4',
      INTERLINE_WINDOW: '100',
      INTERLINE_CONNECT_TIMEOUT_MS: '2000',
      INTERLINE_CLOSE_TIMEOUT_MS: '3000',
      INTERLINE_AUTO_REGISTER: '1',
      REDIS_URL: 'redis://redis.example:6380/2',
      EVENT_RETRY_MAX_ATTEMPTS: '3',
    })
    expect(config).toEqual({
      service: 'shop',
      environment: 'production',
      tenantId: 'acme',
      broker: { type: 'redis', redis: { url: 'redis://redis.example:6380/2', prefix: 'shop' } },
      store: { type: 'redis', redis: { url: 'redis://redis.example:6380/2', prefix: 'shop' } },
      hybrid: { localTypes: ['Ticked', 'Tocked'], remoteTypes: ['Reported'] },
      retry: { maxAttempts: 7, backoff: { type: 'fixed', delayMs: 50, maxDelayMs: 500 } },
      deadLetter: { enabled: false },
      dedup: { ttlMs: 60_000 },
      destinations: 'topic',
      concurrency: 4,
      window: 100,
      connectTimeoutMs: 2_000,
      closeTimeoutMs: 3_000,
      autoRegister: true,
    })
    expect(configFromEnv({ INTERLINE_HYBRID: 'true', INTERLINE_DEDUP_ENABLED: 'false' })).toEqual({ hybrid: true, dedup: false })
  })

  it('takes the address of Redis for its lossy side too, where that is asked for', () => {
    const config = configFromEnv({ INTERLINE_BROKER: 'redis-pubsub', INTERLINE_REDIS_PREFIX: 'shop', REDIS_HOST: 'redis' })
    expect(config.broker).toEqual({ type: 'redis-pubsub', 'redis-pubsub': { host: 'redis', prefix: 'shop' } })
  })

  it('takes nodes of a Redis Cluster, for the broker and the store', () => {
    const config = configFromEnv({ REDIS_CLUSTER_NODES: 'a:7000, b:7001', REDIS_PASSWORD: 'x', REDIS_EVENT_STORE_CLUSTER_NODES: 'c:7002' })
    expect(config.broker).toEqual({ type: 'redis', redis: { cluster: { nodes: ['a:7000', 'b:7001'] }, password: 'x' } })
    expect(config.store).toEqual({ type: 'redis', redis: { cluster: { nodes: ['c:7002'] } } })
    expect(() => configFromEnv({ REDIS_CLUSTER_NODES: 'a' })).toThrow('broker.redis.cluster.nodes[0]: "a" is not an address')
  })

  it('takes a Kafka address as a broker, and its group as the name of the service', async () => {
    const config = configFromEnv({ KAFKA_BROKERS: 'kafka1:9092, kafka2:9092', KAFKA_CLIENT_ID: 'shop', KAFKA_GROUP_ID: 'mails' })
    expect(config.broker).toEqual({ type: 'kafka', kafka: { brokers: ['kafka1:9092', 'kafka2:9092'], clientId: 'shop', groupId: 'mails' } })
  })

  it('takes a database and a path of a virtual host as the production environment has them', () => {
    const config = configFromEnv({
      REDIS_EVENT_STORE_HOST: 'redis.production.com',
      RABBITMQ_HOST: 'rabbitmq.production.com',
      RABBITMQ_USERNAME: 'app',
      RABBITMQ_PASSWORD: 's3cret',
      RABBITMQ_VHOST: '/prod',
      EVENT_RETRY_MAX_ATTEMPTS: '5',
      EVENT_RETRY_DELAY: '2000',
    })
    expect(config).toEqual({
      broker: {
        type: 'rabbitmq',
        rabbitmq: { host: 'rabbitmq.production.com', username: 'app', password: 's3cret', vhost: '/prod' },
      },
      store: { type: 'redis', redis: { host: 'redis.production.com' } },
      retry: { maxAttempts: 5, backoff: { delayMs: 2_000 } },
    })
  })

  it('warns of a tracker that nobody made, and is silent where a program made one', () => {
    const warn = vi.fn()
    const logger = { debug: vi.fn(), info: vi.fn(), warn, error: vi.fn() }
    const config = configFromEnv({ EVENT_TRACKING_ENABLED: 'true', EVENT_MONITORING_ENABLED: 'on', EVENT_STORE_MAX_CONNECTIONS: '5' })
    createBus({ ...config, logger, instrumentation: { published: () => undefined } })
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/^EVENT_STORE_MAX_CONNECTIONS is set and has no effect/)]])
    createBus({ ...config, logger, instrumentation: [] })
    expect(warn).toHaveBeenCalledTimes(4)
    expect(configFromEnv({ EVENT_TRACKING_ENABLED: 'false', EVENT_MONITORING_ENABLED: 'off' })).toEqual({})
  })

  it('says of an address of the store that is no address what is missing', () => {
    const lonely = { REDIS_EVENT_STORE_PORT: '6379', REDIS_EVENT_STORE_PASSWORD: 's3cret' }
    const reason = 'no store is asked for; set REDIS_EVENT_STORE_HOST, or INTERLINE_STORE=redis'
    expect(configFromEnv(lonely)).toEqual({
      unused: [
        { name: 'REDIS_EVENT_STORE_PORT', reason },
        { name: 'REDIS_EVENT_STORE_PASSWORD', reason },
      ],
    })
    expect(configFromEnv({ ...lonely, INTERLINE_STORE: 'memory' })).toEqual({ store: { type: 'memory' } })
    expect(configFromEnv({ ...lonely, INTERLINE_STORE: 'redis' }).store).toEqual({
      type: 'redis',
      redis: { port: 6_379, password: 's3cret' },
    })
  })

  it('leaves to tests what is theirs', () => {
    expect(configFromEnv({ INTERLINE_TEST_REPORT: '/tmp/report' })).toEqual({})
  })

  it('takes a NATS address as a broker', () => {
    const config = configFromEnv({ NATS_URL: 'nats://nats.example:4222', NATS_USER: 'shop', NATS_PASSWORD: 's3cret' })
    expect(config.broker).toEqual({ type: 'nats', nats: { url: 'nats://nats.example:4222', user: 'shop', password: 's3cret' } })
    expect(() => configFromEnv({ NATS_URL: 'nats.example:4222' })).toThrow(/NATS_URL/)
  })

  it.each<[Record<string, string>, string]>([
    [{ INTERLINE_BROKR: 'redis' }, 'INTERLINE_BROKR: unknown variable. Did you mean "INTERLINE_BROKER"?'],
    [
      { INTERLINE_BROKER: 'rabbit' },
      'INTERLINE_BROKER: "rabbit" is not one of them; expected memory, redis, redis-pubsub, rabbitmq, kafka or nats.',
    ],
    [{ RABBITMQ_HOST: 'a', RABBITMQ_PORT: '99999' }, 'RABBITMQ_PORT: 99999 is not a port; expected an integer from 1 to 65535.'],
    [{ REDIS_HOST: 'a', REDIS_PORT: 'abc' }, 'REDIS_PORT: "abc" is not a port; expected an integer from 1 to 65535.'],
    [
      { REDIS_HOST: 'a', RABBITMQ_URL: 'amqp://b' },
      'REDIS_HOST and RABBITMQ_URL are both set, and each says where events go. Choose with INTERLINE_BROKER=redis or rabbitmq.',
    ],
    [
      { EVENT_RETRY_MAX_ATTEMPTS: '3', EVENT_BUS_MAX_RETRIES: '3' },
      'EVENT_RETRY_MAX_ATTEMPTS and EVENT_BUS_MAX_RETRIES contradict each other. Set one of them.',
    ],
    [{ EVENT_METRICS_EXPORT_INTERVAL: '1h' }, 'EVENT_METRICS_EXPORT_INTERVAL: "1h" is not usable; expected an integer from 1.'],
    [{ EVENT_TRACKING_ENABLED: 'maybe' }, 'EVENT_TRACKING_ENABLED: "maybe" is not a boolean; expected true or false.'],
    [{ EVENT_DEAD_LETTER_ENABLED: 'maybe' }, 'EVENT_DEAD_LETTER_ENABLED: "maybe" is not a boolean; expected true or false.'],
    [{ INTERLINE_HYBRID: 'false', INTERLINE_LOCAL_TYPES: 'A' }, 'INTERLINE_HYBRID: false leaves INTERLINE_LOCAL_TYPES'],
    [{ KAFKA_BROKERS: 'kafka1' }, 'broker.kafka.brokers[0]: "kafka1" is not an address'],
  ])('refuses %o', (environment, message) => {
    expect(() => configFromEnv(environment)).toThrow(
      expect.objectContaining({ code: 'INTERLINE_CONFIGURATION', message: expect.stringContaining(message) }),
    )
  })

  it('never shows a password', () => {
    const hidden = expect.objectContaining({ message: expect.not.stringContaining('s3cret') })
    expect(() => configFromEnv({ EVENT_STORE_CONNECTION_URL: 'mysql://app:s3cret@db/events' })).toThrow(hidden)
    expect(() => configFromEnv({ REDIS_URL: 'http://:s3cret@redis' })).toThrow(hidden)
  })
})

/** What each document names, with the variables without which it would say nothing. */
const documents: Readonly<Record<string, { readonly beside?: Record<string, string>; readonly variables: Record<string, string> }>> = {
  '001': {
    beside: { INTERLINE_STORE: 'postgres' },
    variables: {
      EVENT_STORE_CONNECTION_URL: 'postgresql://db/events',
      EVENT_STORE_MAX_CONNECTIONS: '20',
      EVENT_BUS_MAX_RETRIES: '3',
      EVENT_BUS_RETRY_DELAY_MS: '1000',
      EVENT_BUS_DEAD_LETTER_ENABLED: 'true',
      EVENT_MONITORING_ENABLED: 'true',
      EVENT_METRICS_EXPORT_INTERVAL: '3600000',
    },
  },
  '002': {
    beside: { INTERLINE_STORE: 'redis', INTERLINE_BROKER: 'rabbitmq' },
    variables: {
      REDIS_EVENT_STORE_HOST: 'redis',
      REDIS_EVENT_STORE_PORT: '6379',
      REDIS_EVENT_STORE_PASSWORD: 'strong-password',
      REDIS_EVENT_STORE_DB: '1',
      RABBITMQ_HOST: 'rabbitmq',
      RABBITMQ_PORT: '5672',
      RABBITMQ_USERNAME: 'app',
      RABBITMQ_PASSWORD: 'secure-password',
      RABBITMQ_VHOST: '/prod',
      EVENT_RETRY_MAX_ATTEMPTS: '5',
      EVENT_RETRY_DELAY: '2000',
      EVENT_DEAD_LETTER_ENABLED: 'true',
      EVENT_TRACKING_ENABLED: 'true',
    },
  },
  '003': {
    beside: { INTERLINE_BROKER: 'redis' },
    variables: { REDIS_HOST: 'redis', REDIS_PORT: '6379', REDIS_PASSWORD: 'strong-password' },
  },
  '004': { variables: { KAFKA_BROKERS: 'localhost:9092' } },
}
const named = Object.entries(documents).flatMap(([document, { beside = {}, variables }]) =>
  Object.entries(variables).map(([name, value]) => [document, name, value, beside] as const),
)

it.each(named)('what document %s sets as %s is read, or answered with what to do, and is in the reference', (_, name, value, beside) => {
  expect(configFromEnv({ ...beside, [name]: value })).not.toEqual(configFromEnv(beside))
  const told = name.replace(/^(REDIS_EVENT_STORE)(_(?!URL$|HOST$))/, '…$2')
  expect(reference).toContain(`\`${told}\``)
})

describe('docs/configuration.md', () => {
  it('names every variable, and no variable that is not read', () => {
    const named = new Set(reference.match(/\bINTERLINE_[A-Z_]+[A-Z]\b/g))
    expect([...named].sort()).toEqual([...ownVariables].sort())
    for (const name of [...Object.keys(waitingVariables), 'SNAPSHOT_INTERVAL_VERSIONS', 'SNAPSHOT_RETENTION_DAYS'])
      expect(reference).toContain(`\`${name}\``)
  })
})
