import { startKafkaCluster, testBroker } from '@interline/testing'
import { afterAll, describe, it } from 'vitest'
import { brokerOf, cleanUp, login, processModule, rawClient, serverOf } from './kafka-server.js'

const sessionTimeoutMs = 3_000
const cluster = await startKafkaCluster()
afterAll(() => cluster.close())
const { brokers } = cluster

for (const driver of ['kafkajs', 'platformatic'] as const) {
  const options = { driver, sessionTimeoutMs }
  testBroker(`kafka cluster by ${driver}`, {
    create: (namespace) => brokerOf(namespace, { ...options, brokers }),
    cleanUp: (namespace) => cleanUp(namespace, brokers),
    capabilities: {
      durable: true,
      local: false,
      order: 'key',
      replay: true,
      delayedDelivery: true,
      deadLetters: 'browse',
      dedup: 'process',
    },
    raw: rawClient(brokers),
    server: async () => serverOf(await startKafkaCluster({ login }), options),
    processes: { module: processModule, args: [JSON.stringify({ brokers, sessionTimeoutMs, driver })] },
    leaseMs: sessionTimeoutMs,
    // three nodes are killed and started where one would be
    limits: { caseMs: 180_000, gapMs: 60_000 },
    runner: { describe, it },
  })
}
