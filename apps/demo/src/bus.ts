import { type BrokerConfig, createBus, type IEventBus, type Instrumentation } from 'interline'

/** Which broker carries the events, and where it is. */
export type BrokerChoice = Exclude<BrokerConfig, { type: 'redis' | 'kafka' }> | RedisChoice | KafkaChoice

export interface RedisChoice {
  readonly type: 'redis'
  readonly redis: { readonly url: string; readonly prefix: string }
}

export interface KafkaChoice {
  readonly type: 'kafka'
  readonly kafka: { readonly brokers: readonly string[]; readonly prefix: string }
}

/** The demo's bus. Alerts, being urgent, are seen here at once and go to the broker too; the rest goes to the broker only. */
export function createDemoBus(broker: BrokerChoice, instrumentation: Instrumentation): IEventBus {
  return createBus({ service: 'webhooks', broker, hybrid: true, instrumentation })
}
