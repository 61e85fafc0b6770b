import { RedisBroker } from '@interline/redis'

/** The broker of a worker process: the same as the suite's, with the options that are given as JSON. */
export function createBroker(namespace, given = '{}') {
  const options = JSON.parse(given)
  const elsewhere = options.cluster !== undefined || options.port !== undefined
  const url = elsewhere ? undefined : (process.env.REDIS_URL ?? 'redis://127.0.0.1:6379')
  return new RedisBroker({ prefix: namespace, claimIdleMs: 2_000, url, ...options })
}
