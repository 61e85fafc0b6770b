import { RedisEventStore } from '@interline/redis'

/** The store of a worker process: the same as the suite's, or on a cluster of the given nodes. */
export function createStore(prefix, ...nodes) {
  const place = nodes.length > 0 ? { cluster: { nodes } } : { url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' }
  return new RedisEventStore({ ...place, prefix })
}
