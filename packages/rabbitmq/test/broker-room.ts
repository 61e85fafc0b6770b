import type { RabbitMqBroker, RabbitMqOptions } from '@interline/rabbitmq'
import { BrokerRoom as Room } from '@interline/testing'
import { brokerOf, cleanUp } from './rabbitmq-server.js'

export { numberedMessage as message, numberOf } from '@interline/testing'

export class BrokerRoom extends Room<RabbitMqBroker, RabbitMqOptions> {
  /** `cleanUp: false` where the server goes away with what is on it. */
  constructor({ cleanUp: cleansUp = true }: { readonly cleanUp?: boolean } = {}) {
    super({
      create: (namespace, options = {}) => {
        const elsewhere = options.port !== undefined || options.connection !== undefined || options.host !== undefined
        return brokerOf(namespace, { partitions: 2, ...(elsewhere ? { url: undefined } : {}), ...options })
      },
      ...(cleansUp ? { cleanUp } : {}),
      source: { order: 'key' },
    })
  }
}
