import { testBroker } from '@interline/testing'
import { describe, it } from 'vitest'
import { ackWaitMs, brokerOf, cleanUp, privateServer, processModule, raw } from './nats-server.js'

testBroker('nats', {
  create: brokerOf,
  cleanUp,
  capabilities: {
    durable: true,
    local: false,
    order: 'none',
    replay: true,
    delayedDelivery: true,
    deadLetters: 'none',
    crashCounted: true,
  },
  raw,
  server: privateServer,
  processes: { module: processModule },
  leaseMs: ackWaitMs,
  runner: { describe, it },
})
