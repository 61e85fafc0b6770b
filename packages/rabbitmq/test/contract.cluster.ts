import { MemoryDeadLetterStore } from '@interline/memory'
import { testBroker } from '@interline/testing'
import { afterAll, describe, it } from 'vitest'
import { brokerOfCluster, lent, startCluster } from './cluster-server.js'
import { cleanUp, processModule, rawClient } from './rabbitmq-server.js'

const cluster = await startCluster()
afterAll(() => cluster.close())
const [first = '', second = ''] = cluster.urls

testBroker('rabbitmq cluster', {
  create: (namespace) => brokerOfCluster(cluster, namespace),
  cleanUp: (namespace) => cleanUp(namespace, first),
  capabilities: { durable: true, order: 'key', replay: false, delayedDelivery: true, deadLetters: 'drain', dedup: 'process' },
  deadLetterStore: () => new MemoryDeadLetterStore(),
  raw: rawClient(second),
  server: async () => lent(cluster),
  processes: { module: processModule, args: [JSON.stringify({ url: cluster.urls })] },
  leaveOut: { B29: 'a delivery belongs to its channel for as long as that is open; the limit of the server is 30 minutes' },
  // three nodes start as slowly as their machine lets them
  limits: { gapMs: 20_000, caseMs: 240_000 },
  runner: { describe, it },
})
