import { MemoryDeadLetterStore } from '@interline/memory'
import { testBroker } from '@interline/testing'
import { describe, it } from 'vitest'
import { brokerOf, cleanUp, privateServer, processModule, rawClient } from './rabbitmq-server.js'

testBroker('rabbitmq, unordered', {
  create: (namespace) => brokerOf(namespace, { order: 'none' }),
  cleanUp,
  capabilities: { durable: true, order: 'none', crashCounted: true, deadLetters: 'drain' },
  deadLetterStore: () => new MemoryDeadLetterStore(),
  raw: rawClient(),
  server: () => privateServer({ order: 'none' }),
  processes: { module: processModule, args: [JSON.stringify({ order: 'none' })] },
  leaveOut: { B29: 'a delivery belongs to its channel for as long as that is open; the limit of the server is 30 minutes' },
  runner: { describe, it },
})
