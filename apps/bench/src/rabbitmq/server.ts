import { randomUUID } from 'node:crypto'
import { EventBus, type EventBusOptions, systemClock } from '@interline/core'
import { RabbitMqBroker } from '@interline/rabbitmq'
import { type Channel, type ChannelModel, type ConfirmChannel, connect } from 'amqplib'

/** Queues of a group. */
export const partitions = 4
/** More steps of a delay than there are. */
const delaySteps = 40

/** The server of a run, and what the run has put there. */
export class Server implements AsyncDisposable {
  readonly #url: string
  readonly #prefix = `bench-${randomUUID()}`
  readonly #connections: ChannelModel[] = []
  readonly #queues: string[] = []
  readonly #exchanges: string[] = []
  readonly #buses: { readonly bus: EventBus; readonly prefix: string }[] = []

  constructor(url: string = process.env.RABBITMQ_URL ?? 'amqp://guest:guest@127.0.0.1:5672') {
    this.#url = url
  }

  /** A connection of its own, as amqplib makes it where nothing else is said. */
  async channel(): Promise<Channel> {
    return (await this.#connect()).createChannel()
  }

  async confirmChannel(): Promise<ConfirmChannel> {
    return (await this.#connect()).createConfirmChannel()
  }

  /** A quorum queue of this run. */
  async queue(channel: Channel, name: string): Promise<string> {
    const queue = `${this.#prefix}-${name}`
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
    this.#queues.push(queue)
    return queue
  }

  /** A topic exchange of this run. */
  async exchange(channel: Channel, name: string): Promise<string> {
    const exchange = `${this.#prefix}-${name}`
    await channel.assertExchange(exchange, 'topic', { durable: true })
    this.#exchanges.push(exchange)
    return exchange
  }

  /** A bus on queues of this name; what no queue takes is rejected. */
  bus(name: string, options: Omit<EventBusOptions, 'broker'> = {}): EventBus {
    const prefix = `${this.#prefix}-${name}`
    const broker = new RabbitMqBroker({ url: this.#url, prefix, partitions, unroutable: 'reject' })
    const bus = new EventBus({ service: 'bench', ...options, broker })
    this.#buses.push({ bus, prefix })
    return bus
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { bus } of this.#buses) await bus.close()
    for (const prefix of new Set(this.#buses.map((each) => each.prefix))) await this.#remove(prefix)
    const cleaner = await this.channel()
    for (const queue of this.#queues) await cleaner.deleteQueue(queue)
    for (const exchange of this.#exchanges) await cleaner.deleteExchange(exchange)
    for (const connection of this.#connections) await connection.close()
  }

  async #connect(): Promise<ChannelModel> {
    const connection = await connect(this.#url)
    this.#connections.push(connection)
    return connection
  }

  async #remove(prefix: string): Promise<void> {
    const broker = new RabbitMqBroker({ url: this.#url, prefix, partitions })
    await broker.connect({ clock: systemClock, report: () => undefined })
    const groups = await broker.listGroups()
    const destinations = await broker.listDestinations()
    for (const { group, destination } of groups) await broker.removeGroup(group, destination)
    await broker.close()
    const channel = await this.channel()
    for (const { group, destination } of groups) await channel.deleteQueue(`${prefix}.${destination}:${group}:dead`)
    for (const destination of destinations) {
      await channel.deleteExchange(`${prefix}.${destination}`)
      for (let index = 0; index < partitions; index++) await channel.deleteExchange(`${prefix}.${destination}:partition:${index}`)
      await channel.deleteExchange(`${prefix}.${destination}:partitions`)
    }
    for (const exchange of ['addressed', 'due', 'unwanted']) await channel.deleteExchange(`${prefix}:${exchange}`)
    for (const queue of ['unwanted', 'registry']) await channel.deleteQueue(`${prefix}:${queue}`)
    for (let step = 0; step < delaySteps; step++) {
      await channel.deleteExchange(`${prefix}:delay:${step}`)
      await channel.deleteQueue(`${prefix}:delay:${step}`)
    }
  }
}
