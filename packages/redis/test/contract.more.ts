import { RedisBroker } from '@interline/redis'
import { testBroker } from '@interline/testing'
import { describe, it } from 'vitest'
import { cleanUp, privateServer, processModule, raw, url } from './redis-server.js'

const leaseMs = 2_000
const unordered = { order: 'none', claimIdleMs: leaseMs } as const

testBroker('redis, unordered', {
  create: (namespace) => new RedisBroker({ ...unordered, url, prefix: namespace }),
  cleanUp,
  capabilities: { durable: true, local: false, order: 'none', replay: true, delayedDelivery: true, deadLetters: 'browse', dedup: 'group' },
  raw,
  server: () => privateServer((options) => new RedisBroker({ ...unordered, ...options })),
  processes: { module: processModule, args: [JSON.stringify({ order: 'none' })] },
  leaseMs,
  runner: { describe, it },
})
