import { PostgresRateLimiter } from '@interline/postgres'
import { testRateLimiter } from '@interline/testing'
import { describe, it } from 'vitest'
import { cleanUp, schemaOf, url } from './postgres-server.js'

testRateLimiter('postgres rate limiter', {
  create: (namespace) => new PostgresRateLimiter({ url, schema: schemaOf(namespace), maxConnections: 4 }),
  cleanUp,
  runner: { describe, it },
})
