import type { NatsBroker, NatsOptions } from '@interline/nats'
import { BrokerRoom as Room } from '@interline/testing'
import { brokerOf, cleanUp } from './nats-server.js'

export { numberedMessage as message, numberOf } from '@interline/testing'

export class BrokerRoom extends Room<NatsBroker, NatsOptions> {
  constructor() {
    super({
      create: (namespace, options = {}) =>
        brokerOf(namespace, { ...(options.connection === undefined ? {} : { url: undefined }), ...options }),
      cleanUp,
    })
  }
}
