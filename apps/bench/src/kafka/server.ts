import { randomUUID } from 'node:crypto'
import { EventBus, type EventBusOptions } from '@interline/core'
import { KafkaBroker, type KafkaOptions } from '@interline/kafka'
import { type Consumer, Kafka, logLevel, Partitioners, type Producer } from 'kafkajs'

const partitions = 8

/** The server of a run, and what the run has put there. */
export class Server implements AsyncDisposable {
  readonly #brokers: string[]
  readonly #prefix = `bench-${randomUUID()}.`
  readonly #kafka: Kafka
  readonly #buses: EventBus[] = []
  readonly #clients: (Producer | Consumer)[] = []

  constructor(brokers: string = process.env.KAFKA_BROKERS ?? '127.0.0.1:9092') {
    this.#brokers = brokers.split(',')
    this.#kafka = new Kafka({ brokers: this.#brokers, clientId: 'bench', logLevel: logLevel.NOTHING })
  }

  /** A topic of this run. */
  async topic(name: string): Promise<string> {
    const topic = `${this.#prefix}${name}`
    await this.#manage((admin) => admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true }))
    return topic
  }

  async producer(): Promise<Producer> {
    const producer = this.#kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    this.#clients.push(producer)
    await producer.connect()
    return producer
  }

  async consumer(): Promise<Consumer> {
    const consumer = this.#kafka.consumer({ groupId: `${this.#prefix}raw-${randomUUID()}`, maxWaitTimeInMs: 500 })
    this.#clients.push(consumer)
    await consumer.connect()
    return consumer
  }

  /** A bus whose topics are its own. */
  bus(name: string, options: Omit<EventBusOptions, 'broker'> = {}, driver: KafkaOptions['driver'] = 'kafkajs'): EventBus {
    const broker = new KafkaBroker({ driver, brokers: this.#brokers, prefix: `${this.#prefix}${name}.`, partitions })
    const bus = new EventBus({ service: 'bench', ...options, broker })
    this.#buses.push(bus)
    return bus
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#buses.map((bus) => bus.close()))
    await Promise.all(this.#clients.map((client) => client.disconnect()))
    await this.#manage(async (admin) => {
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(this.#prefix))
      if (topics.length > 0) await admin.deleteTopics({ topics })
    })
  }

  async #manage(work: (admin: ReturnType<Kafka['admin']>) => Promise<unknown>): Promise<void> {
    const admin = this.#kafka.admin()
    await admin.connect()
    await work(admin).finally(() => admin.disconnect())
  }
}
