import { testHybridBus } from '@interline/testing'
import { describe, it } from 'vitest'
import { brokerOf, cleanUp, privateServer } from './kafka-server.js'

testHybridBus('kafka behind a hybrid bus', {
  create: (namespace) => brokerOf(namespace),
  cleanUp,
  server: () => privateServer(),
  runner: { describe, it },
})
