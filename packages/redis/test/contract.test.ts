import { RedisEventStore } from '@interline/redis'
import { testBroker, testEventStore, testHybridBus } from '@interline/testing'
import { describe, it } from 'vitest'
import { brokerOf, cleanUp, privateServer, processModule, raw, url } from './redis-server.js'

const leaseMs = 2_000

testBroker('redis', {
  create: (namespace) => brokerOf(namespace, { claimIdleMs: leaseMs }),
  cleanUp,
  capabilities: { durable: true, local: false, order: 'key', replay: true, delayedDelivery: true, deadLetters: 'browse', dedup: 'group' },
  raw,
  server: privateServer,
  processes: { module: processModule },
  leaseMs,
  runner: { describe, it },
})

testHybridBus('redis behind a hybrid bus', {
  create: (namespace) => brokerOf(namespace, { claimIdleMs: leaseMs }),
  cleanUp,
  server: privateServer,
  runner: { describe, it },
})

testEventStore('redis event store', {
  create: (namespace) => new RedisEventStore({ url, prefix: namespace }),
  retaining: (namespace, maxEvents) => new RedisEventStore({ url, prefix: namespace, maxEvents, logger: { warn: () => undefined } }),
  cleanUp,
  runner: { describe, it },
})
