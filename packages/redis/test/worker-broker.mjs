import { RedisBroker } from '@interline/redis'

/** The broker of a worker process: the same as the suite's; without order, or on a cluster of the given nodes, where that is said. */
export function createBroker(namespace, ...given) {
  const options = { prefix: namespace, claimIdleMs: 2_000 }
  const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
  if (given[0] === 'unordered') return new RedisBroker({ ...options, url, order: 'none' })
  return new RedisBroker({ ...options, ...(given.length > 0 ? { cluster: { nodes: given } } : { url }) })
}
