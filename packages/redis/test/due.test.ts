import type { Delivery } from '@interline/core'
import { waitFor } from '@interline/testing'
import { describe, expect, it } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { plainClient } from './redis-server.js'

describe('what waits for its time', () => {
  it('refuses an event with more attributes than a script can pass on, and stores what is published beside it', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    const attributes = { ...message(1).attributes, ...Object.fromEntries(Array.from({ length: 4_000 }, (_, n) => [`a${n}`, 'x'])) }
    const [refused, stored] = await Promise.allSettled([broker.publish([message(1, { attributes })]), broker.publish([message(2)])])
    expect(stored.status).toBe('fulfilled')
    expect(refused).toMatchObject({ reason: { outcome: 'failed', message: expect.stringMatching(/4,?0\d\d fields/) } })
  })

  it('moves on what is due behind an entry that is too large to be moved as it is, which comes back undecodable', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    const seen: Delivery[] = []
    const results: boolean[] = []
    await room.consume(broker, {}, async (delivery) => {
      seen.push(delivery)
      if (seen.length === 1) results.push(await delivery.retry({ afterMs: 0, progress: 'one attempt', deadLetters: [] }))
      else await delivery.ack()
    })
    await using client = plainClient()
    const many = Array.from({ length: 4_500 }, (_, n) => [`ce_a${n}`, 'x']).flat()
    await client.redis.xadd(`{${room.namespace}:orders:0}:events`, '*', 'ce_id', '1', 'ce_type', 'Made', ...many, 'data', '{}')
    await waitFor(() => results.length === 1)
    await broker.publish([message(2, { deliverAt: Date.now() })])
    await waitFor(() => seen.length === 3, { what: 'both to be moved' })
    const large = seen.filter(({ undecodable }) => undecodable !== undefined)
    expect(large.map(({ progress, ref }) => [progress, ref])).toEqual([
      [undefined, seen[0]?.ref],
      ['one attempt', seen[0]?.ref],
    ])
    for (const { message: read } of large) {
      const pairs = JSON.parse(Buffer.from(read.data as Uint8Array).toString())
      expect(pairs).toHaveLength(4_503)
      expect(pairs[0]).toEqual(['ce_id', '1'])
      expect(Object.keys(read.attributes)).toEqual([])
    }
  })

  it('moves what is due of other partitions while one can take nothing', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 2 })
    const seen: number[] = []
    await room.consume(broker, {}, async (delivery) => {
      seen.push(numberOf(delivery))
      await delivery.ack()
    })
    await using client = plainClient()
    // the last id there is: the stream takes nothing more
    await client.redis.xadd(`{${room.namespace}:orders:0}:events`, '18446744073709551615-18446744073709551615', 'data', '{"n":0}')
    const deliverAt = Date.now()
    // without a key they go to both partitions in turn
    await broker.publish([message(1, { deliverAt, key: undefined }), message(2, { deliverAt, key: undefined })])
    await waitFor(() => seen.includes(1) || seen.includes(2), { what: 'the one that can be moved' })
    await waitFor(() => room.events.some((event) => event.kind === 'warning'), { what: 'a word about the other' })
  })

  it('comes in the order of publishing where several are due at once, whatever their attributes', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    const numbers = Array.from({ length: 40 }, (_, n) => n)
    const deliverAt = Date.now() + 500
    const due = (n: number) => {
      const plain = message(n, { key: 'a', deliverAt })
      const more = Object.fromEntries(Array.from({ length: ((40 - n) % 7) * 3 }, (_, m) => [`a${m}`, 'x']))
      return { ...plain, attributes: { ...plain.attributes, ...more } }
    }
    await broker.publish(numbers.slice(0, 20).map(due))
    for (const n of numbers.slice(20)) await broker.publish([due(n)])
    const seen: number[] = []
    await room.consume(broker, { order: 'key' }, async (delivery) => {
      seen.push(numberOf(delivery))
      await delivery.ack()
    })
    await waitFor(() => seen.length === numbers.length)
    expect(seen).toEqual(numbers)
  })
})
