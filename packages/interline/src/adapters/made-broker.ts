import type { IBroker } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import type { BrokerConfig } from '../config/adapter-config.js'
import { isBroker } from '../config/check-config.js'
import { loadPackage } from './load-package.js'

/** The broker that a configuration describes, where its adapter is a part of this package. */
export function brokerAtHand(broker: IBroker | BrokerConfig): IBroker | undefined {
  if (isBroker(broker)) return broker
  return broker.type === 'memory' ? new MemoryBroker(broker.memory) : undefined
}

/** The broker that a configuration describes, when its package is loaded. */
export async function loadBroker(broker: IBroker | BrokerConfig): Promise<IBroker> {
  if (isBroker(broker)) return broker
  switch (broker.type) {
    case 'memory':
      return new MemoryBroker(broker.memory)
    case 'redis': {
      const { RedisBroker } = await loadPackage('@interline/redis', 'redis broker', () => import('@interline/redis'))
      return new RedisBroker(broker.redis)
    }
    case 'redis-pubsub': {
      const { RedisPubSubBroker } = await loadPackage('@interline/redis', 'redis-pubsub broker', () => import('@interline/redis'))
      return new RedisPubSubBroker(broker['redis-pubsub'])
    }
    case 'rabbitmq': {
      const { RabbitMqBroker } = await loadPackage('@interline/rabbitmq', 'rabbitmq broker', () => import('@interline/rabbitmq'))
      return new RabbitMqBroker(broker.rabbitmq)
    }
    case 'kafka': {
      const { KafkaBroker } = await loadPackage('@interline/kafka', 'kafka broker', () => import('@interline/kafka'))
      // the group is the bus's: it is the service's name where that is not given
      const { groupId: _group, ...settings } = broker.kafka ?? {}
      return new KafkaBroker(settings)
    }
    case 'nats': {
      const { NatsBroker } = await loadPackage('@interline/nats', 'nats broker', () => import('@interline/nats'))
      return new NatsBroker(broker.nats)
    }
    default:
      return broker satisfies never
  }
}
