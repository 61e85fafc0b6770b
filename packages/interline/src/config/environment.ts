import { ConfigurationError } from '@interline/core'
import type { BrokerConfig, StoreConfig } from './adapter-config.js'
import type { BusConfig, UnusedVariable } from './bus-config.js'
import { checkConfig } from './check-config.js'
import { integer, listed } from './checks.js'
import { defined } from './defined.js'
import {
  kafkaFromEnvironment,
  natsFromEnvironment,
  postgresFromEnvironment,
  rabbitMqFromEnvironment,
  redisFromEnvironment,
} from './environment-connections.js'
import { ownVariables, storeVariables, waitingVariables } from './environment-names.js'
import { suggestion } from './suggestion.js'
import { type Environment, Variables } from './variables.js'

const brokerTypes = ['memory', 'redis', 'redis-pubsub', 'rabbitmq', 'kafka', 'nats'] as const
const storeTypes = ['memory', 'redis', 'postgres'] as const
const attempts = integer(1)
const retries = integer(0)

/**
 * A configuration from environment variables: `createBus(configFromEnv(process.env))`. Knows `INTERLINE_*`, of which an unknown one is
 * refused, and the usual names of each vendor; docs/configuration.md lists them all. A variable that asks for something that is not
 * built yet is named in `unused`, and the bus warns of it.
 */
export function configFromEnv(environment: Environment = process.env): BusConfig {
  refuseUnknown(environment)
  const variables = new Variables(environment)
  const broker = brokerFrom(variables)
  const store = storeFrom(variables)
  const config = {
    service: variables.text('INTERLINE_SERVICE'),
    environment: variables.text('INTERLINE_ENVIRONMENT'),
    tenantId: variables.text('INTERLINE_TENANT_ID'),
    broker,
    store,
    hybrid: hybridFrom(variables),
    retry: retryFrom(variables),
    deadLetter: deadLetterFrom(variables),
    dedup: dedupFrom(variables),
    destinations: variables.choice('INTERLINE_DESTINATIONS', ['first-segment', 'topic']),
    concurrency: variables.number('INTERLINE_CONCURRENCY', attempts),
    window: variables.number('INTERLINE_WINDOW', attempts),
    connectTimeoutMs: variables.delay('INTERLINE_CONNECT_TIMEOUT_MS'),
    closeTimeoutMs: variables.delay('INTERLINE_CLOSE_TIMEOUT_MS'),
    autoRegister: variables.flag('INTERLINE_AUTO_REGISTER'),
    unused: unusedOf(variables, store),
  } satisfies BusConfig
  checkConfig(config)
  return defined(config) ?? {}
}

function brokerFrom(variables: Variables): BrokerConfig | undefined {
  const type =
    variables.choice('INTERLINE_BROKER', brokerTypes) ??
    only(variables, 'INTERLINE_BROKER', {
      redis: ['REDIS_URL', 'REDIS_HOST', 'REDIS_CLUSTER_NODES'],
      rabbitmq: ['RABBITMQ_URL', 'RABBITMQ_HOST'],
      kafka: ['KAFKA_BROKERS'],
      nats: ['NATS_URL'],
    })
  switch (type) {
    case undefined:
      return undefined
    case 'memory':
      return { type }
    case 'redis':
      return { type, redis: { ...redisFromEnvironment(variables), ...prefixFrom(variables) } }
    case 'redis-pubsub':
      return { type, 'redis-pubsub': { ...redisFromEnvironment(variables), ...prefixFrom(variables) } }
    case 'rabbitmq':
      return { type, rabbitmq: { ...rabbitMqFromEnvironment(variables) } }
    case 'kafka':
      return { type, kafka: { ...kafkaFromEnvironment(variables) } }
    case 'nats':
      return { type, nats: { ...natsFromEnvironment(variables) } }
    default:
      return type satisfies never
  }
}

function storeFrom(variables: Variables): StoreConfig | undefined {
  const address = variables.text('EVENT_STORE_CONNECTION_URL')
  const onRedis = address !== undefined && /^rediss?:\/\//.test(address)
  const type =
    variables.choice('INTERLINE_STORE', storeTypes) ??
    only(variables, 'INTERLINE_STORE', {
      redis: [
        'REDIS_EVENT_STORE_URL',
        'REDIS_EVENT_STORE_HOST',
        'REDIS_EVENT_STORE_CLUSTER_NODES',
        ...(onRedis ? ['EVENT_STORE_CONNECTION_URL'] : []),
      ],
      postgres: onRedis ? [] : ['EVENT_STORE_CONNECTION_URL'],
    })
  switch (type) {
    case undefined:
      return undefined
    case 'memory':
      return { type }
    case 'redis': {
      const own = redisFromEnvironment(variables, 'REDIS_EVENT_STORE') ?? (onRedis ? { url: address } : undefined)
      return { type, redis: { ...(own ?? redisFromEnvironment(variables)), ...prefixFrom(variables) } }
    }
    case 'postgres':
      return { type, postgres: { ...postgresFromEnvironment(variables) } }
    default:
      return type satisfies never
  }
}

/** The one type that the environment has an address for. */
function only<Type extends string>(
  variables: Variables,
  selector: string,
  addresses: Readonly<Record<Type, readonly string[]>>,
): Type | undefined {
  const types = Object.keys(addresses) as Type[]
  const found = types.flatMap((type) => addresses[type].filter((name) => variables.has(name)).map((name) => ({ type, name })))
  if (new Set(found.map(({ type }) => type)).size > 1) {
    const names = listed(
      found.map(({ name }) => name),
      'and',
    )
    throw new ConfigurationError(
      `${names} are both set, and each says where events go. Choose with ${selector}=${listed([...new Set(found.map(({ type }) => type))])}.`,
    )
  }
  return found[0]?.type
}

function prefixFrom(variables: Variables): { readonly prefix?: string } {
  const prefix = variables.text('INTERLINE_REDIS_PREFIX')
  return prefix === undefined ? {} : { prefix }
}

function hybridFrom(variables: Variables): BusConfig['hybrid'] {
  const lists = defined({ localTypes: variables.list('INTERLINE_LOCAL_TYPES'), remoteTypes: variables.list('INTERLINE_REMOTE_TYPES') })
  const hybrid = variables.flag('INTERLINE_HYBRID')
  if (hybrid === false && lists !== undefined) {
    throw new ConfigurationError(
      'INTERLINE_HYBRID: false leaves INTERLINE_LOCAL_TYPES and INTERLINE_REMOTE_TYPES without effect. Remove them, or set it to true.',
    )
  }
  return lists ?? hybrid
}

function retryFrom(variables: Variables): BusConfig['retry'] {
  const again = variables.number('EVENT_BUS_MAX_RETRIES', retries)
  const maxAttempts =
    variables.number('INTERLINE_RETRY_MAX_ATTEMPTS', attempts) ??
    variables.agreed({
      EVENT_RETRY_MAX_ATTEMPTS: variables.number('EVENT_RETRY_MAX_ATTEMPTS', attempts),
      // retries come after the first attempt
      EVENT_BUS_MAX_RETRIES: again === undefined ? undefined : again + 1,
    })
  const delayMs =
    variables.delay('INTERLINE_RETRY_DELAY_MS') ??
    variables.agreed({
      EVENT_RETRY_DELAY: variables.delay('EVENT_RETRY_DELAY'),
      EVENT_BUS_RETRY_DELAY_MS: variables.delay('EVENT_BUS_RETRY_DELAY_MS'),
    })
  const backoff = defined({
    type: variables.choice('INTERLINE_RETRY_BACKOFF', ['fixed', 'exponential']),
    delayMs,
    maxDelayMs: variables.delay('INTERLINE_RETRY_MAX_DELAY_MS'),
  })
  return defined({ maxAttempts, backoff })
}

function deadLetterFrom(variables: Variables): BusConfig['deadLetter'] {
  const enabled =
    variables.flag('INTERLINE_DEAD_LETTER_ENABLED') ??
    variables.agreed({
      EVENT_DEAD_LETTER_ENABLED: variables.flag('EVENT_DEAD_LETTER_ENABLED'),
      EVENT_BUS_DEAD_LETTER_ENABLED: variables.flag('EVENT_BUS_DEAD_LETTER_ENABLED'),
    })
  return defined({ enabled })
}

function dedupFrom(variables: Variables): BusConfig['dedup'] {
  const enabled = variables.flag('INTERLINE_DEDUP_ENABLED')
  const ttlMs = variables.delay('INTERLINE_DEDUP_TTL_MS')
  if (enabled === false && ttlMs !== undefined) {
    throw new ConfigurationError('INTERLINE_DEDUP_ENABLED: false leaves INTERLINE_DEDUP_TTL_MS without effect. Remove one of them.')
  }
  return enabled === false ? false : defined({ ttlMs })
}

/** What is set and asks for something that nobody does yet; a flag that is off asks for nothing. */
function unusedOf(variables: Variables, store: StoreConfig | undefined): readonly UnusedVariable[] | undefined {
  const unused: UnusedVariable[] = Object.entries(waitingVariables)
    .filter(([name, { kind }]) => (kind === 'flag' ? variables.flag(name) === true : variables.number(name, attempts) !== undefined))
    .map(([name, { reason }]) => ({ name, reason, answeredBy: 'instrumentation' }))
  const pool = 'EVENT_STORE_MAX_CONNECTIONS'
  if (variables.has(pool) && store?.type !== 'postgres')
    unused.push({ name: pool, reason: 'only a PostgreSQL store has a pool of connections' })
  if (store === undefined) {
    const reason = 'no store is asked for; set REDIS_EVENT_STORE_HOST, or INTERLINE_STORE=redis'
    unused.push(...storeVariables.filter((name) => variables.has(name)).map((name) => ({ name, reason })))
  }
  return unused.length === 0 ? undefined : unused
}

/** What begins like this is for tests, which may well start a program that is configured by its environment. */
const forTests = 'INTERLINE_TEST_'

function refuseUnknown(environment: Environment): void {
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('INTERLINE_') || name.startsWith(forTests) || ownVariables.includes(name)) continue
    throw new ConfigurationError(
      `${name}: unknown variable.${suggestion(name, ownVariables) || ' docs/configuration.md lists those that begin with INTERLINE_.'}`,
    )
  }
}
