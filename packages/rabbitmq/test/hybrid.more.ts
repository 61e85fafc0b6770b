import { MemoryDeadLetterStore } from '@interline/memory'
import { testHybridBus } from '@interline/testing'
import { describe, it } from 'vitest'
import { brokerOf, cleanUp, privateServer } from './rabbitmq-server.js'

testHybridBus('rabbitmq behind a hybrid bus', {
  create: (namespace) => brokerOf(namespace),
  cleanUp,
  deadLetterStore: () => new MemoryDeadLetterStore(),
  server: () => privateServer(),
  runner: { describe, it },
})
