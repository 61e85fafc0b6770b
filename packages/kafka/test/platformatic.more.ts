import { testBroker } from '@interline/testing'
import { describe, it } from 'vitest'
import { brokerOf, brokers, cleanUp, privateServer, processModule, raw, sessionTimeoutMs } from './kafka-server.js'

const driver = 'platformatic'

for (const order of ['key', 'none'] as const) {
  testBroker(order === 'key' ? 'kafka by platformatic' : 'kafka by platformatic, unordered', {
    create: (namespace) => brokerOf(namespace, { driver, order }),
    cleanUp,
    capabilities: { durable: true, local: false, order, replay: true, delayedDelivery: true, deadLetters: 'browse', dedup: 'process' },
    raw,
    server: () => privateServer({ driver, order }),
    processes: { module: processModule, args: [JSON.stringify({ brokers, sessionTimeoutMs, driver, order })] },
    leaseMs: sessionTimeoutMs,
    runner: { describe, it },
  })
}
