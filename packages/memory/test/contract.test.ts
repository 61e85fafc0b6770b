import { MemoryBroker } from '@interline/memory'
import { testBroker } from '@interline/testing'
import { describe, it } from 'vitest'

testBroker('memory', {
  create: () => new MemoryBroker(),
  capabilities: { durable: false, local: true, order: 'key', replay: true, deadLetters: 'browse', dedup: 'process' },
  runner: { describe, it },
})
