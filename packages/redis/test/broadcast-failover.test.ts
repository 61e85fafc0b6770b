import { FaultProxy, startRedis, waitFor } from '@interline/testing'
import { expect, it } from 'vitest'
import { BrokerRoom, numberOf } from './broker-room.js'
import { plainClient } from './redis-server.js'

it('broadcasts what a server stored under ids of the past, which had not got the newest events before it took over', async () => {
  await using redis = await startRedis()
  await using proxy = await FaultProxy.start({ port: redis.port })
  await using room = new BrokerRoom()
  const broker = await room.broker({ port: proxy.port, partitions: 1 })
  await using client = plainClient(redis.url)
  const stream = `{${room.namespace}:orders:0}:events`
  const store = (id: string, n: number): Promise<unknown> =>
    client.redis.xadd(stream, id, 'ce_id', `event-${n}`, 'ce_type', 'Made', 'data', JSON.stringify({ n }))
  const seen: number[] = []
  await room.consume(broker, { broadcast: true, from: 'beginning' }, async (delivery) => {
    seen.push(numberOf(delivery))
    await delivery.ack()
  })
  for (const n of [1, 2, 3, 4]) await store(`1000-${n}`, n)
  await waitFor(() => seen.length === 4)
  // the one that takes over never had 3 and 4, and gives their ids to others
  await client.redis.del(stream)
  for (const [id, n] of [1, 2, 5, 6].entries()) await store(`1000-${id + 1}`, n)
  proxy.cut()
  await waitFor(() => seen.length >= 6, { limitMs: 10_000, what: 'what is new' })
  await store('1000-5', 7)
  await waitFor(() => seen.includes(7))
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7])
})
