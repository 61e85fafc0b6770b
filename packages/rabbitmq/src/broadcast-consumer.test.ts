import { EventEmitter } from 'node:events'
import { Gate, waitFor } from '@interline/testing'
import { expect, test } from 'vitest'
import { BroadcastConsumer } from './broadcast-consumer.js'
import type { BrokerContext } from './context.js'

test('topics that are set while the queue is made again are bound too', async () => {
  const bound: string[] = []
  const binding = new Gate()
  const channel = Object.assign(new EventEmitter(), {
    assertQueue: async () => ({ queue: 'q' }),
    bindQueue: async (_queue: string, exchange: string, pattern: string) => {
      bound.push(`${exchange} ${pattern}`)
      await binding.opened
    },
    prefetch: async () => undefined,
    consume: async () => ({ consumerTag: 'tag' }),
    cancel: async () => undefined,
    close: async () => void channel.emit('close'),
  })
  const context = {
    options: { prefetch: 10 },
    names: { group: () => 'g', addressed: 'addressed', due: 'due' },
    layout: { destination: () => ({ partitions: ['orders:0', 'orders:1'] }) },
    topology: { channel: async () => channel, ensure: async () => undefined },
    consuming: { model: {}, listen: () => () => undefined },
    report: () => undefined,
    counts: { delivered: 0, acked: 0, retried: 0, deadLettered: 0 },
  } as unknown as BrokerContext
  const source = { group: 'g', destination: 'orders', topics: ['a'], order: 'none', from: 'now', broadcast: true, window: 10 } as const
  const consumer = new BroadcastConsumer(context, source, async () => undefined)
  const started = consumer.start()
  await waitFor(() => bound.length === 1, { what: 'the first binding' })
  await consumer.setTopics(['a', 'b'])
  binding.open()
  await started
  expect(bound).toEqual(expect.arrayContaining(['orders:0 a', 'orders:0 b', 'orders:1 a', 'orders:1 b']))
  await consumer.close()
})
