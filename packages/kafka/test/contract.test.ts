import { testBroker } from '@interline/testing'
import { describe, it } from 'vitest'
import { brokerOf, brokers, cleanUp, privateServer, processModule, raw, sessionTimeoutMs } from './kafka-server.js'

testBroker('kafka', {
  create: (namespace) => brokerOf(namespace),
  cleanUp,
  capabilities: { durable: true, local: false, order: 'key', replay: true, delayedDelivery: true, deadLetters: 'browse', dedup: 'process' },
  raw,
  server: () => privateServer(),
  processes: { module: processModule, args: [JSON.stringify({ brokers, sessionTimeoutMs })] },
  leaseMs: sessionTimeoutMs,
  runner: { describe, it },
})
