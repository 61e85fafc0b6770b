import { createBus, type IEventBus, type Instrumentation, MemoryDeadLetterStore } from 'interline'

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

/** The demo's bus. Alerts, being urgent, are seen here at once and go to the broker too; the rest goes to the broker only. */
export function createDemoBus(broker: BrokerChoice, instrumentation: Instrumentation): IEventBus {
  // RabbitMQ's own place for dead letters is a queue, which can't be looked at
  const deadLetters = broker.type === 'rabbitmq' ? new MemoryDeadLetterStore() : undefined
  return createBus({ service: 'webhooks', broker, hybrid: true, instrumentation, deadLetters })
}
