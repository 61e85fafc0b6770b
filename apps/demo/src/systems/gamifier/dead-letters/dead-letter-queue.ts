import { type Channel, type ChannelModel, connect, type GetMessage } from 'amqplib'
import type { Deed } from '../events.js'
import type { Again, DeadLetterPlace, Letter } from './dead-letter-place.js'

const routingKey = 'activity.dead'

interface Taken {
  readonly message: GetMessage
  readonly letter: Letter
}

/**
 * An exchange of the house's own, with a queue behind it that any client reads. It must be there before the first event dies: RabbitMQ
 * takes no letter for an exchange that nobody made.
 */
export class DeadLetterQueue implements DeadLetterPlace {
  readonly name = 'an exchange of RabbitMQ'
  readonly address: { readonly enabled: true; readonly exchange: string; readonly routingKey: string }
  readonly #connection: ChannelModel
  readonly #channel: Channel
  readonly #again: Again
  readonly #taken: Taken[] = []

  private constructor(connection: ChannelModel, channel: Channel, exchange: string, again: Again) {
    this.#connection = connection
    this.#channel = channel
    this.#again = again
    this.address = { enabled: true, exchange, routingKey }
  }

  static async open(url: string, exchange: string, again: Again): Promise<DeadLetterQueue> {
    const connection = await connect(url)
    // every failure also rejects the call that met it
    connection.on('error', () => undefined)
    try {
      const channel = await connection.createChannel()
      await channel.assertExchange(exchange, 'direct')
      await channel.assertQueue(exchange, { arguments: { 'x-queue-type': 'quorum' } })
      await channel.bindQueue(exchange, exchange, routingKey)
      return new DeadLetterQueue(connection, channel, exchange, again)
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  /** They stay in hand until they are handled again, and go back to the queue where this process ends before. */
  async letters(): Promise<readonly Letter[]> {
    for (let message = await this.#next(); message !== false; message = await this.#next()) {
      this.#taken.push({ message, letter: JSON.parse(String(message.properties.headers?.['interline-letter'])) as Letter })
    }
    return this.#taken.map(({ letter }) => letter)
  }

  async redrive(): Promise<number> {
    const { length } = await this.letters()
    for (let [first] = this.#taken; first !== undefined; [first] = this.#taken) {
      const { payload } = JSON.parse(first.message.content.toString()) as { readonly payload: Deed }
      await this.#again(payload)
      this.#channel.ack(first.message)
      this.#taken.shift()
    }
    return length
  }

  /** The queue was for this game alone. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#channel.deleteQueue(this.address.exchange)
    await this.#channel.deleteExchange(this.address.exchange)
    await this.#connection.close()
  }

  #next(): Promise<GetMessage | false> {
    return this.#channel.get(this.address.exchange)
  }
}
