import { type BrokerEvent, type Consumer, type Delivery, type Source, systemClock, type WireMessage } from '@interline/core'
import type { RabbitMqBroker, RabbitMqOptions } from '@interline/rabbitmq'
import { brokerOf, cleanUp } from './rabbitmq-server.js'

let rooms = 0

/** Brokers of one namespace without a bus around them, closed and cleaned up at the end of the scope. */
export class BrokerRoom implements AsyncDisposable {
  readonly prefix: string = `it-only-${process.pid}-${(rooms += 1)}-${Math.random().toString(36).slice(2, 8)}`
  readonly events: BrokerEvent[] = []
  readonly #brokers: RabbitMqBroker[] = []
  readonly #consumers: Consumer[] = []

  async broker(options: RabbitMqOptions = {}): Promise<RabbitMqBroker> {
    const elsewhere = options.port !== undefined || options.connection !== undefined
    const broker = brokerOf(this.prefix, { partitions: 2, ...(elsewhere ? { url: undefined } : {}), ...options })
    this.#brokers.push(broker)
    await broker.connect({ clock: systemClock, report: (event) => this.events.push(event) })
    return broker
  }

  async consume(broker: RabbitMqBroker, source: Partial<Source>, receive: (delivery: Delivery) => unknown): Promise<Consumer> {
    const all: Source = {
      group: 'group',
      destination: 'orders',
      topics: ['>'],
      order: 'key',
      from: 'now',
      broadcast: false,
      window: 100,
      ...source,
    }
    const consumer = await broker.subscribe(all, (deliveries) => {
      for (const delivery of deliveries) void receive(delivery)
    })
    this.#consumers.push(consumer)
    return consumer
  }

  losses(): readonly BrokerEvent[] {
    return this.events.filter(({ kind }) => kind === 'loss')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const consumer of this.#consumers) await consumer.close()
    for (const broker of this.#brokers) await broker.close()
    await cleanUp(this.prefix)
  }
}

export function message(n: number, more: Partial<WireMessage> = {}): WireMessage {
  const key = more.key
  return {
    destination: 'orders',
    topic: 'orders.created',
    key,
    attributes: {
      id: `event-${n}`,
      source: '/test',
      specversion: '1.0',
      type: 'OrderCreated',
      topic: 'orders.created',
      ...(key === undefined ? {} : { partitionkey: key }),
    },
    data: JSON.stringify({ n }),
    ...more,
  }
}

export function numberOf(delivery: { readonly message: WireMessage }): number {
  return (JSON.parse(delivery.message.data as string) as { n: number }).n
}
