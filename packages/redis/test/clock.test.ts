import { RedisLeaseStore } from '@interline/redis'
import { waitFor } from '@interline/testing'
import { describe, expect, it } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { plainClient, url } from './redis-server.js'

const hourMs = 3_600_000

describe('a clock of the server that stepped back', () => {
  it('lets a dead consumer keep its place and its partitions no longer than its lease', async () => {
    await using room = new BrokerRoom()
    await using client = plainClient()
    const broker = await room.broker({ partitions: 2, claimIdleMs: 400 })
    // what a dead consumer of an hour ahead left behind
    await client.redis.zadd(`{${room.namespace}:orders}:members:group`, Date.now() + hourMs, 'key:dead')
    await client.redis.set(`{${room.namespace}:orders:0}:lease:group`, 'dead:1/400', 'PX', hourMs)
    const seen = new Set<number>()
    await room.consume(broker, { order: 'key' }, async (delivery) => {
      seen.add(numberOf(delivery))
      await delivery.ack()
    })
    await broker.publish([1, 2].map((n) => message(n)))
    await waitFor(() => seen.size === 2, { limitMs: 15_000, what: 'both partitions to be taken' })
  })

  it('lets a lease end that lasts longer than it was taken or renewed for', async () => {
    await using room = new BrokerRoom()
    await using client = plainClient()
    const store = new RedisLeaseStore({ url, prefix: room.namespace })
    try {
      const key = `{${room.namespace}:lease:job}`
      const lease = (await store.acquire('job', 'dead', { durationMs: 60_000 })) ?? expect.fail()
      await client.redis.pexpire(key, hourMs)
      expect(await store.acquire('job', 'other', { durationMs: 100 })).toBeUndefined()
      expect(await client.redis.pttl(key)).toBeLessThanOrEqual(60_000)
      expect(await store.renew(lease, { durationMs: 300_000 })).toBe(true)
      expect(await store.acquire('job', 'other', { durationMs: 100 })).toBeUndefined()
      expect(await client.redis.pttl(key)).toBeGreaterThan(60_000)
      expect(await store.renew(lease, { durationMs: 400 })).toBe(true)
      await client.redis.pexpire(key, hourMs)
      await waitFor(async () => (await store.acquire('job', 'other', { durationMs: 100 })) !== undefined, { limitMs: 15_000 })
      expect(await store.renew(lease, { durationMs: 400 })).toBe(false)
    } finally {
      store.close()
    }
  })

  it('takes no lease from an owner whose name only begins like its own', async () => {
    await using room = new BrokerRoom()
    const store = new RedisLeaseStore({ url, prefix: room.namespace })
    try {
      const lease = (await store.acquire('job', 'host:1', { durationMs: 60_000 })) ?? expect.fail()
      expect(await store.acquire('job', 'host', { durationMs: 60_000 })).toBeUndefined()
      expect(await store.acquire('job', 'host:1', { durationMs: 60_000 })).toMatchObject({ token: lease.token + 1 })
      expect(await store.renew(lease, { durationMs: 60_000 })).toBe(false)
    } finally {
      store.close()
    }
  })
})
