import { RedisRateLimiter } from '@interline/redis'
import { testRateLimiter } from '@interline/testing'
import { describe, it } from 'vitest'
import { cleanUp, url } from './redis-server.js'

testRateLimiter('redis rate limiter', { create: (prefix) => new RedisRateLimiter({ url, prefix }), cleanUp, runner: { describe, it } })
