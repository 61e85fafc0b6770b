import { createBus, type IEventBus, type Instrumentation, MemoryDeadLetterStore } from 'interline'
import type { BrokerChoice, StoreChoice } from '../places/choices.js'

/** The demo's bus. Alerts, being urgent, are seen here at once and go to the broker too; the rest goes to the broker only. */
export function createDemoBus(broker: BrokerChoice, store: StoreChoice | undefined, instrumentation: Instrumentation): IEventBus {
  // RabbitMQ's own place for dead letters is a queue, which can't be looked at
  const deadLetters = broker.type === 'rabbitmq' ? new MemoryDeadLetterStore() : undefined
  return createBus({ service: 'webhooks', broker, store, hybrid: true, instrumentation, deadLetters })
}
