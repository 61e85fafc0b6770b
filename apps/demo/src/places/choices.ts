import { randomUUID } from 'node:crypto'
import { rabbitMqUrl, redisStoreUrl, redisUrl } from './addresses.js'

export const brokerNames = ['memory', 'redis', 'rabbitmq', 'kafka'] as const
export type BrokerName = (typeof brokerNames)[number]
export const storeNames = ['memory', 'redis', 'postgres'] as const
export type StoreName = (typeof storeNames)[number]

/** Which broker carries the events, and where it is. */
export type BrokerChoice = { readonly type: 'memory' } | RedisChoice | KafkaChoice | RabbitMqChoice

export interface RedisChoice {
  readonly type: 'redis'
  readonly redis: { readonly url: string; readonly prefix: string }
}

export interface KafkaChoice {
  readonly type: 'kafka'
  readonly kafka: { readonly brokers: readonly string[]; readonly prefix: string }
}

export interface RabbitMqChoice {
  readonly type: 'rabbitmq'
  readonly rabbitmq: { readonly url: string; readonly prefix: string }
}

/** Where events are kept before the broker gets them, and where that is. */
export type StoreChoice = { readonly type: 'memory' } | RedisChoice | PostgresChoice

export interface PostgresChoice {
  readonly type: 'postgres'
  /** A schema of the run on a server, or a PGlite in this process. */
  readonly postgres: { readonly url: string; readonly schema: string } | { readonly dataDir: string }
}

/** Under a prefix of its own, so that nothing meets what is there already. */
export function brokerChoice(broker: BrokerName): BrokerChoice {
  if (broker === 'kafka') {
    const brokers = (process.env.KAFKA_BROKERS ?? '127.0.0.1:9092').split(',').map((address) => address.trim())
    return { type: 'kafka', kafka: { brokers, prefix: `interline-demo-${randomUUID()}.` } }
  }
  if (broker === 'rabbitmq') {
    return { type: 'rabbitmq', rabbitmq: { url: rabbitMqUrl(), prefix: `interline-demo-${randomUUID()}` } }
  }
  if (broker === 'memory') return { type: 'memory' }
  return { type: 'redis', redis: { url: redisUrl(), prefix: `interline-demo-${randomUUID()}` } }
}

export function storeChoice(store: StoreName): StoreChoice {
  const own = `interline-demo-${randomUUID()}`
  switch (store) {
    case 'memory':
      return { type: 'memory' }
    case 'redis':
      return { type: 'redis', redis: { url: storeAddress('redis') ?? redisStoreUrl(), prefix: own } }
    case 'postgres': {
      const url = storeAddress('postgres') || process.env.POSTGRES_URL || process.env.DATABASE_URL
      const schema = own.replaceAll('-', '_').slice(0, 40)
      return { type: 'postgres', postgres: url === undefined || url === '' ? { dataDir: 'memory://' } : { url, schema } }
    }
    default:
      return store satisfies never
  }
}

/** What is said of the store alone, where it is one of this kind. */
function storeAddress(kind: 'redis' | 'postgres'): string | undefined {
  const address = process.env.EVENT_STORE_CONNECTION_URL
  return address?.startsWith(kind) ? address : undefined
}
