import { RedisBroker, RedisEventStore, RedisPubSubBroker, RedisSagaStore, RedisSnapshotStore } from '@interline/redis'
import { testBroker, testEventStore, testHybridBus, testSagaStore, testSnapshotStore } from '@interline/testing'
import { describe, it } from 'vitest'
import { rawPubSub } from './raw-pubsub.js'
import { brokerOf, cleanUp, privateServer, processModule, raw, storeModule, storeServer, url } from './redis-server.js'

const leaseMs = 2_000
const common = { cleanUp, runner: { describe, it } }
const streams = {
  ...common,
  create: (namespace: string) => brokerOf(namespace, { claimIdleMs: leaseMs }),
  server: () => privateServer((options) => new RedisBroker({ claimIdleMs: leaseMs, ...options })),
}

testBroker('redis', {
  ...streams,
  capabilities: { durable: true, local: false, order: 'key', replay: true, delayedDelivery: true, deadLetters: 'browse', dedup: 'group' },
  raw,
  processes: { module: processModule },
  leaseMs,
})

testBroker('redis pub/sub, lossy', {
  ...common,
  create: (namespace) => new RedisPubSubBroker({ url, prefix: namespace }),
  capabilities: { durable: false, groups: false, order: 'key', replay: false, retry: false, deadLetters: 'none', dedup: 'process' },
  raw: rawPubSub,
  server: () => privateServer((options) => new RedisPubSubBroker(options)),
})

testHybridBus('redis behind a hybrid bus', streams)
testEventStore('redis event store', {
  ...common,
  create: (namespace) => new RedisEventStore({ url, prefix: namespace }),
  retaining: (namespace, retention) => new RedisEventStore({ url, prefix: namespace, retention, logger: { warn: () => undefined } }),
  server: storeServer,
  processes: { module: storeModule },
})
testSnapshotStore('redis snapshots', { ...common, create: (namespace) => new RedisSnapshotStore({ url, prefix: namespace }) })
testSagaStore('redis saga store', { ...common, create: (prefix) => new RedisSagaStore({ url, prefix }) })
