import { type Consumer, type Delivery, PublishError } from '@interline/core'
import { FaultProxy, startRedis, waitFor } from '@interline/testing'
import { describe, expect, it } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'

const durationMs = Number(process.env.INTERLINE_CHAOS_MS ?? 30_000)
const keys = 12

interface Chaos {
  readonly name: string
  readonly order: 'key' | 'none'
  /** What goes wrong, again and again. */
  strike(proxy: FaultProxy, redis: { restart(): Promise<void>; pause(): void; resume(): void }): Promise<void>
}

const pauseOf = (delayMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delayMs))

const kinds: readonly Chaos[] = (['key', 'none'] as const).flatMap((order) => [
  {
    name: 'every connection is reset again and again',
    order,
    strike: async (proxy) => {
      await pauseOf(200 + Math.random() * 600)
      proxy.cut()
    },
  },
  {
    name: 'replies are lost',
    order,
    strike: async (proxy) => {
      await pauseOf(300 + Math.random() * 500)
      proxy.dropReplies()
      await pauseOf(100)
      proxy.heal()
    },
  },
  {
    name: 'the server is killed and started again',
    order,
    strike: async (_proxy, redis) => {
      await pauseOf(2_000)
      await redis.restart()
    },
  },
  {
    name: 'the server is frozen for longer than the leases',
    order,
    strike: async (_proxy, redis) => {
      await pauseOf(2_000)
      redis.pause()
      await pauseOf(3_000)
      redis.resume()
    },
  },
])

describe('what holds whatever happens: nothing lost, order per key', () => {
  it.each(kinds)('$order: $name, and consumers come and go', async ({ order, strike }) => {
    await using redis = await startRedis()
    await using proxy = await FaultProxy.start({ port: redis.port })
    await using room = new BrokerRoom()
    const options = { port: proxy.port, commandTimeoutMs: 500, connectTimeoutMs: 1_000, partitions: 4, claimIdleMs: 2_000 }
    const handled = new Map<string, number>()
    const seen = new Set<string>()
    const jumps: string[] = []
    let duplicates = 0
    const receive = async (delivery: Delivery): Promise<void> => {
      const { key = '' } = delivery.message
      const n = numberOf(delivery)
      if (delivery.lost.aborted) return
      const last = handled.get(key) ?? 0
      if (order === 'key' && n > last + 1) jumps.push(`${key}: ${n} after ${last}`)
      if (seen.has(`${key} ${n}`)) duplicates++
      seen.add(`${key} ${n}`)
      handled.set(key, Math.max(last, n))
      await delivery.ack()
    }
    const running = { going: true }
    const published = new Map<string, number>()
    const publisher = await room.broker(options)
    const publishing = Array.from({ length: keys }, async (_, index) => {
      const key = `key-${index}`
      for (let n = 1; running.going; n++) {
        for (let stored = false; !stored; ) {
          try {
            await publisher.publish([message(n, { key })])
            stored = true
          } catch (error) {
            if (!(error instanceof PublishError)) throw error
          }
        }
        published.set(key, n)
        await pauseOf(1)
      }
    })
    const consuming = Array.from({ length: 3 }, async (_, index) => {
      const broker = await room.broker(options)
      while (running.going) {
        const consumer: Consumer | undefined = await room
          .consume(broker, { order, from: 'beginning', window: 50 }, receive)
          .catch(() => undefined)
        await pauseOf(index === 0 ? durationMs : 500 + Math.random() * 2_000)
        await consumer?.stop()
        await consumer?.close()
      }
    })
    const striking = (async () => {
      while (running.going) await strike(proxy, redis)
    })()
    await pauseOf(durationMs)
    running.going = false
    await striking
    proxy.heal()
    await Promise.all(publishing)
    await Promise.all(consuming)
    const last = await room.broker(options)
    await room.consume(last, { order, from: 'beginning' }, receive)
    const total = [...published.values()].reduce((sum, n) => sum + n, 0)
    await waitFor(() => seen.size >= total, { limitMs: 20_000, what: `${total} events`, progress: () => seen.size })
    process.stdout.write(`${order}: ${total} events, ${duplicates} seen again\n`)
    expect(jumps).toEqual([])
    expect(seen.size).toBe(total)
  })
})
