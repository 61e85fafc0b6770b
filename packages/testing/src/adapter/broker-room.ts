import { type BrokerEvent, type Consumer, type Delivery, type IBroker, type Source, systemClock } from '@interline/core'

/** What only the adapter knows: how its brokers are made, and what they leave on the server. */
export interface BrokerRoomOptions<Broker extends IBroker, Options> {
  /** A new broker that is not connected. `options` is what the test gave to `broker`. */
  create(namespace: string, options?: Options): Broker
  /** Removes from the server what a namespace left there. */
  readonly cleanUp?: ((namespace: string) => Promise<void> | void) | undefined
  /** What every `consume` asks for where the test says nothing else. By default all new events of `orders`, without order. */
  readonly source?: Partial<Source> | undefined
}

const anything: Source = {
  group: 'group',
  destination: 'orders',
  topics: ['>'],
  order: 'none',
  from: 'now',
  broadcast: false,
  window: 100,
}

let rooms = 0

/**
 * For what only one adapter does, where a bus would be in the way: connected brokers of one namespace, with what they reported, and
 * their consumers. All of them are closed and the namespace is cleaned up at the end of the scope.
 */
export class BrokerRoom<Broker extends IBroker, Options = object> implements AsyncDisposable {
  readonly namespace: string = `it-only-${process.pid}-${(rooms += 1)}-${Math.random().toString(36).slice(2, 8)}`
  /** What the brokers reported, in order. */
  readonly events: BrokerEvent[] = []
  readonly #options: BrokerRoomOptions<Broker, Options>
  readonly #brokers: Broker[] = []
  readonly #consumers: Consumer[] = []

  constructor(options: BrokerRoomOptions<Broker, Options>) {
    this.#options = options
  }

  /** A connected broker, as another process would have it. */
  async broker(options?: Options): Promise<Broker> {
    const broker = this.#options.create(this.namespace, options)
    this.#brokers.push(broker)
    await broker.connect({ clock: systemClock, report: (event) => this.events.push(event) })
    return broker
  }

  /** Hands over one delivery at a time, and waits for none of them: settling is up to the test. */
  async consume(broker: Broker, source: Partial<Source>, receive: (delivery: Delivery) => unknown): Promise<Consumer> {
    const consumer = await broker.subscribe({ ...anything, ...this.#options.source, ...source }, (deliveries) => {
      for (const delivery of deliveries) void receive(delivery)
    })
    this.#consumers.push(consumer)
    return consumer
  }

  losses(): readonly BrokerEvent[] {
    return this.events.filter(({ kind }) => kind === 'loss')
  }

  warnings(): readonly string[] {
    return this.events.filter(({ kind }) => kind === 'warning').map(({ detail }) => detail)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const consumer of this.#consumers) {
      await consumer.stop()
      await consumer.close()
    }
    for (const broker of this.#brokers) await broker.close()
    await this.#options.cleanUp?.(this.namespace)
  }
}
