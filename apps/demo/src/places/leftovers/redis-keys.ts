import { Redis } from 'ioredis'
import type { RedisChoice } from '../choices.js'

const scanSize = 1_000

export async function removeKeys({ url, prefix }: RedisChoice['redis']): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null })
  // every failure also rejects the command that met it
  redis.on('error', () => undefined)
  try {
    await redis.connect()
    for await (const keys of redis.scanStream({ match: `*${prefix}*`, count: scanSize }) as AsyncIterable<string[]>) {
      if (keys.length > 0) await redis.unlink(...keys)
    }
  } finally {
    redis.disconnect()
  }
}
