import {
  RedisBroker,
  RedisDeadLetterStore,
  RedisEventStore,
  RedisIdempotencyStore,
  RedisLeaseStore,
  RedisPubSubBroker,
  RedisSagaStore,
} from '@interline/redis'
import { testBroker, testDeadLetterStore, testEventStore, testIdempotencyStore, testLeaseStore, testSagaStore } from '@interline/testing'
import { afterAll, describe, it } from 'vitest'
import { cleanUpCluster, clusterServer, rawCluster, startCluster } from './cluster-server.js'
import { processModule, storeModule } from './redis-server.js'

const leaseMs = 2_000
const runner = { describe, it }
const shared = await startCluster()
afterAll(() => shared.close())
const cluster = { nodes: shared.addresses }
const cleanUp = (namespace: string): Promise<void> => cleanUpCluster(shared, namespace)

testBroker('redis cluster', {
  create: (namespace) => new RedisBroker({ cluster, prefix: namespace, claimIdleMs: leaseMs }),
  cleanUp,
  capabilities: { durable: true, order: 'key', replay: true, retry: true, delayedDelivery: true, deadLetters: 'browse', dedup: 'group' },
  raw: rawCluster(shared),
  server: () => clusterServer((options) => new RedisBroker({ ...options, claimIdleMs: leaseMs })),
  processes: { module: processModule, args: [JSON.stringify({ cluster })] },
  leaseMs,
  runner,
})

testBroker('redis cluster pub/sub, lossy', {
  create: (namespace) => new RedisPubSubBroker({ cluster, prefix: namespace }),
  cleanUp,
  capabilities: { durable: false, groups: false, order: 'key', retry: false },
  server: () => clusterServer((options) => new RedisPubSubBroker(options)),
  leaveOut: { B26: 'the payload is the same as on one server, where it is tested' },
  runner,
})

testEventStore('redis event store on a cluster', {
  create: (prefix) => new RedisEventStore({ cluster, prefix }),
  cleanUp,
  processes: { module: storeModule, args: shared.addresses },
  runner,
})
testIdempotencyStore('redis idempotency store on a cluster', {
  create: (prefix) => new RedisIdempotencyStore({ cluster, prefix }),
  cleanUp,
  runner,
})
testDeadLetterStore('redis dead letter store on a cluster', {
  create: (prefix) => new RedisDeadLetterStore({ cluster, prefix }),
  cleanUp,
  runner,
})
testLeaseStore('redis lease store on a cluster', { create: (prefix) => new RedisLeaseStore({ cluster, prefix }), cleanUp, runner })
testSagaStore('redis saga store on a cluster', { create: (prefix) => new RedisSagaStore({ cluster, prefix }), cleanUp, runner })
