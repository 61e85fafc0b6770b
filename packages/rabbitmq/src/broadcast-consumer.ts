import type { Consumer, Receive, Source } from '@interline/core'
import type { Channel, ConsumeMessage } from 'amqplib'
import type { BrokerContext } from './context.js'
import type { Epoch } from './epoch.js'
import { HandOut } from './hand-out.js'
import { Hops } from './hops.js'
import { patternOf } from './layout.js'
import { QueueReader } from './queue-reader.js'
import { type DeliveryOwner, RabbitMqDelivery } from './rabbitmq-delivery.js'
import { addressHeader, decodeMessage } from './rabbitmq-message.js'

/** Gets every event for this process alone, by a queue that goes away with its connection. */
export class BroadcastConsumer implements Consumer, DeliveryOwner {
  readonly source: Source
  readonly hops: Hops
  readonly inHand = 0
  readonly #context: BrokerContext
  readonly #handOut: HandOut
  readonly #reader: QueueReader
  #topics: readonly string[]
  #bound: { readonly queue: string; readonly channel: Channel } | undefined

  constructor(context: BrokerContext, source: Source, receive: Receive) {
    this.#context = context
    this.source = source
    this.#topics = source.topics
    this.#handOut = new HandOut(receive, source.window, context)
    this.hops = new Hops(context, source)
    this.#reader = new QueueReader(context, {
      prefetch: Math.min(context.options.prefetch, source.window),
      prepare: (channel) => this.#prepare(channel),
      arrived: (epoch, message) => this.#arrived(epoch, message),
      lost: (epoch) => this.#lost(epoch),
    })
  }

  get unsettled(): number {
    return this.#handOut.unsettled
  }

  start(): Promise<void> {
    return this.#reader.start()
  }

  async setTopics(topics: readonly string[]): Promise<void> {
    this.#topics = topics
    const bound = this.#bound
    if (bound !== undefined) await this.#bind(bound.channel, bound.queue)
  }

  pause(): void {
    this.#handOut.pause()
  }

  resume(): void {
    this.#handOut.resume()
  }

  async stop(): Promise<void> {
    this.#handOut.stop()
    await this.#reader.cancel()
  }

  async close(): Promise<void> {
    await this.stop()
    await this.#reader.close()
  }

  async declare(): Promise<void> {
    const bound = this.#bound
    if (bound !== undefined) await this.#bind(bound.channel, bound.queue)
  }

  ended(_delivery: RabbitMqDelivery, how: 'acked' | 'retried' | 'dead'): void {
    if (how === 'acked') this.#context.counts.acked++
    this.#handOut.ended()
  }

  released(): void {
    this.#handOut.ended()
  }

  async #prepare(channel: Channel): Promise<string> {
    const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true, durable: false })
    let topics: readonly string[]
    do {
      topics = this.#topics
      await this.#bind(channel, queue)
      // others may have been set meanwhile
    } while (topics !== this.#topics)
    this.#bound = { queue, channel }
    return queue
  }

  async #bind(channel: Channel, queue: string): Promise<void> {
    const { names, topology, layout } = this.#context
    const { destination, group } = this.source
    const need = layout.destination(destination)
    await topology.ensure(need)
    for (const exchange of need.partitions) {
      for (const topic of this.#topics) await channel.bindQueue(queue, exchange, patternOf(topic))
    }
    const address = { 'x-match': 'all', [addressHeader]: names.group(destination, group) }
    for (const exchange of [names.addressed, names.due]) await channel.bindQueue(queue, exchange, '', address)
  }

  #arrived(epoch: Epoch, message: ConsumeMessage): void {
    const decoded = decodeMessage(this.source.destination, message)
    const ref = decoded.ref ?? `${epoch.queue}:${message.fields.deliveryTag}`
    const delivery = new RabbitMqDelivery(this, epoch, message, decoded, ref, false)
    epoch.inHand.set(delivery.tag, delivery)
    this.#handOut.push(delivery)
  }

  #lost(epoch: Epoch): void {
    const { destination, group } = this.source
    this.#bound = undefined
    this.#handOut.drop((delivery) => delivery.epoch === epoch)
    this.#handOut.lost(epoch)
    if (this.#reader.ended) return
    const detail = 'The connection of a broadcast subscription was lost: what is published until it is back is not seen here.'
    this.#context.report({ kind: 'loss', detail, destination, group })
  }
}
