import type { RedisBroker, RedisOptions } from '@interline/redis'
import { BrokerRoom as Room } from '@interline/testing'
import { brokerOf, cleanUp } from './redis-server.js'

export { numberedMessage as message, numberOf } from '@interline/testing'

export class BrokerRoom extends Room<RedisBroker, RedisOptions> {
  constructor() {
    super({
      create: (namespace, options = {}) => {
        const elsewhere = options.port !== undefined || options.client !== undefined
        return brokerOf(namespace, { partitions: 2, claimIdleMs: 2_000, ...(elsewhere ? { url: undefined } : {}), ...options })
      },
      cleanUp,
    })
  }
}
