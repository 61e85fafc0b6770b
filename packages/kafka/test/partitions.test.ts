import type { Delivery } from '@interline/core'
import { waitFor } from '@interline/testing'
import { describe, expect, test } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { makeTopics, withAdmin } from './kafka-server.js'

async function extend(topic: string, count: number): Promise<void> {
  await withAdmin((admin) => admin.createPartitions({ topicPartitions: [{ topic, count }] }))
}

const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`)
const partitionOf = ({ ref }: Delivery): number => Number(ref.split(':')[1])

describe.each(['kafkajs', 'platformatic'] as const)('partitions that are added later, by %s', (driver) => {
  const options = { driver, partitions: 2, metadataMaxAgeMs: 200 } as const

  test('are published to and read, also by a broadcast, and what fails there comes again', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker(options)
    const handled = new Map<number, number[]>()
    const failed = new Set<string>()
    await room.consume(broker, { order: 'none' }, (delivery) => {
      if (!failed.has(delivery.message.attributes.id ?? '')) {
        failed.add(delivery.message.attributes.id ?? '')
        return delivery.retry({ afterMs: 10, progress: '{"n":1}', deadLetters: [] })
      }
      const partition = partitionOf(delivery)
      handled.set(partition, [...(handled.get(partition) ?? []), numberOf(delivery)])
      return delivery.ack()
    })
    const heard = new Set<number>()
    await room.consume(broker, { group: 'all', broadcast: true }, (delivery) => {
      heard.add(partitionOf(delivery))
      return delivery.ack()
    })
    await extend(room.topic, 5)
    let n = 0
    const publishMore = async (): Promise<boolean> => {
      await broker.publish(keys.map((key) => message(n++, { key })))
      return handled.size === 5 && heard.size === 5
    }
    await waitFor(publishMore, { what: 'all five partitions', limitMs: 15_000, progress: () => `${handled.size} ${heard.size}` })
    const count = (): number => [...handled.values()].reduce((sum, each) => sum + each.length, 0)
    let lag = -1
    await waitFor(async () => (lag = (await broker.getMetrics()).lag) === 0 && count() === n, {
      what: 'everything',
      progress: () => `${count()} of ${n}, lag ${lag}`,
    })
    const { topics } = await withAdmin((admin) => admin.fetchTopicMetadata({ topics: [`${room.namespace}.interline-retry.group.orders`] }))
    expect(topics[0]?.partitions.length).toBe(5)
  }, 30_000)

  test('wait with a warning where no topic may be made, until the own topic has them too', async () => {
    await using room = new BrokerRoom()
    const retryTopic = `${room.namespace}.interline-retry.group.orders`
    await makeTopics({ topic: room.topic, numPartitions: 1 }, { topic: retryTopic, numPartitions: 1 })
    const broker = await room.broker({ ...options, partitions: undefined, provision: false })
    const read = new Set<number>()
    await room.consume(broker, {}, (delivery) => {
      read.add(partitionOf(delivery))
      return delivery.ack()
    })
    await extend(room.topic, 2)
    await waitFor(() => room.warnings().length > 0, { what: 'the warning' })
    expect(room.warnings()[0]).toMatch(/added to .* are not read yet: .*needs 2 partitions and has 1/)
    await extend(retryTopic, 2)
    let n = 0
    const publishMore = async (): Promise<boolean> => {
      await broker.publish(keys.map((key) => message(n++, { key })))
      return read.size === 2
    }
    await waitFor(publishMore, { what: 'both partitions', limitMs: 15_000 })
  }, 30_000)
})

test.each(['kafkajs', 'platformatic'] as const)(
  'by %s, a partition that lost events by retention is told, and what is in hand of another goes on',
  async (driver) => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ driver, partitions: 2 })
    const held: Delivery[] = []
    const consumer = await room.consume(broker, {}, (delivery) => held.push(delivery))
    await broker.publish(keys.map((key, n) => message(n, { key })))
    await waitFor(() => held.length === keys.length, { what: 'everything' })
    const first = held.find((delivery) => partitionOf(delivery) === 0)?.message.key
    const inHand = held.filter((delivery) => partitionOf(delivery) === 1)
    consumer.pause()
    await broker.publish(Array.from({ length: 10 }, (_, n) => message(n, { key: first })))
    await withAdmin(async (admin) => {
      const { high = '0' } = (await admin.fetchTopicOffsets(room.topic)).find(({ partition }) => partition === 0) ?? {}
      await admin.deleteTopicRecords({ topic: room.topic, partitions: [{ partition: 0, offset: high }] })
    })
    consumer.resume()
    await waitFor(() => room.losses().length > 0, { what: 'the loss', limitMs: 10_000 })
    expect(inHand.map(({ lost }) => lost.aborted)).toEqual(inHand.map(() => false))
    for (const delivery of inHand) expect(await delivery.ack()).toBe(true)
  },
)
