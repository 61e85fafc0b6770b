import type { KafkaBroker, KafkaOptions } from '@interline/kafka'
import { BrokerRoom as Room } from '@interline/testing'
import { brokerOf, cleanUp } from './kafka-server.js'

export { numberedMessage as message, numberOf } from '@interline/testing'

export class BrokerRoom extends Room<KafkaBroker, KafkaOptions> {
  readonly topic: string = `${this.namespace}.orders`

  /** Of a server of the test's own nothing has to be cleaned up. */
  constructor(server: 'shared' | 'private' = 'shared') {
    super({
      create: (namespace, options) => brokerOf(namespace, { partitions: 2, ...options }),
      cleanUp: server === 'shared' ? cleanUp : undefined,
      source: { order: 'key' },
    })
  }
}
