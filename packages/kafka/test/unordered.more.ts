import { testBroker } from '@interline/testing'
import { describe, it } from 'vitest'
import { brokerOf, brokers, cleanUp, privateServer, processModule, raw, sessionTimeoutMs } from './kafka-server.js'

testBroker('kafka, unordered', {
  create: (namespace) => brokerOf(namespace, { order: 'none' }),
  cleanUp,
  capabilities: {
    durable: true,
    local: false,
    order: 'none',
    replay: true,
    delayedDelivery: true,
    deadLetters: 'browse',
    dedup: 'process',
  },
  raw,
  server: () => privateServer({ order: 'none' }),
  processes: { module: processModule, args: [JSON.stringify({ brokers, sessionTimeoutMs, order: 'none' })] },
  leaseMs: sessionTimeoutMs,
  runner: { describe, it },
})
