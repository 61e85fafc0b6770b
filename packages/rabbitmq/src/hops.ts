import type { DeadLetter } from '@interline/core'
import type { BrokerContext, GroupName } from './context.js'
import { encodeLetter } from './dead-letters.js'
import type { RabbitMqDelivery } from './rabbitmq-delivery.js'
import { messageAgain, partitionHeader, progressHeader } from './rabbitmq-message.js'
import { addressed, delayed } from './routes.js'

/** The ways on from a queue of one group. Each is confirmed by the server before the message is taken out of where it was. */
export class Hops {
  readonly #context: BrokerContext
  readonly #group: GroupName
  readonly #partition: string | undefined

  /** `partition` where the group keeps order: what comes back comes to the same queue. */
  constructor(context: BrokerContext, group: GroupName, partition?: number) {
    this.#context = context
    this.#group = group
    this.#partition = partition?.toString()
  }

  /** Into the group again, after a while. */
  later({ raw, ref, message }: RabbitMqDelivery, afterMs: number, progress: string | undefined): Promise<void> {
    const encoded = messageAgain(raw, ref, { [progressHeader]: progress, [partitionHeader]: this.#partition })
    const exchange = this.#context.names.group(this.#group.destination, this.#group.group)
    const route =
      afterMs > 0
        ? delayed(this.#context, exchange, message.topic, afterMs, encoded)
        : addressed(this.#context, exchange, message.topic, encoded)
    return this.#context.sender.deliver({ ...route, encoded })
  }

  /** Into the queue where what a dead process had is run, one at a time. */
  suspect({ raw, ref, progress }: RabbitMqDelivery): Promise<void> {
    const { destination, group } = this.#group
    const encoded = messageAgain(raw, ref, { [progressHeader]: progress })
    const routingKey = this.#context.names.suspects(destination, group)
    return this.#context.sender.deliver({ exchange: '', routingKey, encoded, need: undefined, wanted: true })
  }

  async bury({ raw, ref }: RabbitMqDelivery, letters: readonly DeadLetter[]): Promise<void> {
    const { options, names, layout, sender } = this.#context
    const own = options.deadLetter ?? { exchange: '', routingKey: names.deadLetters(this.#group.destination, this.#group.group) }
    const ownNeed = options.deadLetter === undefined ? layout.deadLetters(this.#group) : undefined
    await Promise.all(
      letters.map((letter) => {
        const encoded = messageAgain(raw, ref, encodeLetter(letter))
        const place = letter.address ?? own
        return sender.deliver({
          exchange: place.exchange,
          routingKey: place.routingKey ?? letter.topic,
          encoded,
          need: place === own ? ownNeed : undefined,
          wanted: true,
        })
      }),
    )
  }
}
