import { MemoryDeadLetterStore } from '@interline/memory'
import { testBroker } from '@interline/testing'
import { describe, it } from 'vitest'
import { brokerOf, cleanUp, privateServer, processModule, rawClient } from './rabbitmq-server.js'

testBroker('rabbitmq', {
  create: (namespace) => brokerOf(namespace),
  cleanUp,
  capabilities: { durable: true, local: false, order: 'key', replay: false, delayedDelivery: true, deadLetters: 'drain', dedup: 'process' },
  deadLetterStore: () => new MemoryDeadLetterStore(),
  raw: rawClient(),
  server: () => privateServer(),
  processes: { module: processModule },
  leaveOut: { B29: 'a delivery belongs to its channel for as long as that is open; the limit of the server is 30 minutes' },
  runner: { describe, it },
})
