import { RedisOperationStore } from '@interline/redis'
import { testOperationStore } from '@interline/testing'
import { describe, it } from 'vitest'
import { cleanUp, url } from './redis-server.js'

testOperationStore('redis operation store', {
  create: (namespace) => new RedisOperationStore({ url, prefix: namespace }),
  cleanUp,
  runner: { describe, it },
})
