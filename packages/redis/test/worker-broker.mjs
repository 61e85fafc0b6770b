import { RedisBroker } from '@interline/redis'

/** The broker of a worker process: the same as the suite's. */
export function createBroker(namespace) {
  return new RedisBroker({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', prefix: namespace, claimIdleMs: 2_000 })
}
