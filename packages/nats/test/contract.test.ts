import { MemoryDeadLetterStore } from '@interline/memory'
import { type TestBrokerOptions, testBroker, testHybridBus } from '@interline/testing'
import { describe, it } from 'vitest'
import { ackWaitMs, brokerOf, cleanUp, privateServer, processModule, raw } from './nats-server.js'

const options: TestBrokerOptions = {
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
  deadLetterStore: () => new MemoryDeadLetterStore(),
  raw,
  server: privateServer,
  processes: { module: processModule },
  leaseMs: ackWaitMs,
  runner: { describe, it },
}

testBroker('nats', options)
testHybridBus('nats behind a hybrid bus', options)
