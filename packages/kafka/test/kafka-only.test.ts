import type { Delivery } from '@interline/core'
import { waitFor } from '@interline/testing'
import { type Message, Partitioners } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { makeTopics, plainKafka, withAdmin } from './kafka-server.js'

async function send(topic: string, messages: Message[]): Promise<void> {
  const producer = plainKafka().producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  await producer.send({ topic, messages })
  await producer.disconnect()
}

describe('records of others', () => {
  test('one that is no event is handed on as undecodable, with its bytes and its key, and the next ones come', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const got: Delivery[] = []
    await room.consume(broker, {}, (delivery) => {
      got.push(delivery)
      return delivery.ack()
    })
    await send(room.topic, [{ key: 'one', value: 'no event' }])
    await send(room.topic, [{ key: 'one', value: null, headers: { trace: 'abc' } }])
    await broker.publish([message(3, { key: 'one' })])
    await waitFor(() => got.length === 3, { what: 'three deliveries' })
    const [foreign, tombstone, own] = got
    expect(foreign?.undecodable?.message).toMatch(/not a CloudEvent/)
    expect(Buffer.from(foreign?.message.data as Uint8Array).toString()).toBe('no event')
    expect(foreign?.message.key).toBe('one')
    expect(tombstone?.undecodable?.message).toMatch(/no value/)
    expect(JSON.parse(Buffer.from(tombstone?.message.data as Uint8Array).toString())).toEqual({
      key: 'one',
      headers: { trace: 'abc' },
      value: null,
    })
    expect(own?.undecodable).toBeUndefined()
    await waitFor(async () => (await broker.getMetrics()).lag === 0, { what: 'a lag of 0' })
  })

  test('an event without data is an event', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const got: Delivery[] = []
    await room.consume(broker, {}, (delivery) => got.push(delivery))
    await send(room.topic, [{ value: null, headers: { ce_id: '1', ce_type: 'Pinged', ce_source: '/else', ce_specversion: '1.0' } }])
    await waitFor(() => got.length === 1)
    expect(got[0]?.undecodable).toBeUndefined()
    expect(got[0]?.message).toMatchObject({ data: '', attributes: { id: '1', type: 'Pinged' } })
  })

  test('a key lies where every client of Kafka puts it', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 7 })
    const partitions = new Map<string, Set<string>>()
    await room.consume(broker, {}, (delivery) => {
      const key = delivery.message.key ?? ''
      const seen = partitions.get(key) ?? new Set()
      partitions.set(key, seen.add(delivery.ref.split(':')[1] ?? ''))
      return delivery.ack()
    })
    const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`)
    await broker.publish(keys.map((key, n) => message(n, { key })))
    const headers = { ce_id: 'x', ce_type: 'T', ce_source: '/else', ce_specversion: '1.0' }
    await send(
      room.topic,
      keys.map((key) => ({ key, value: '{}', headers })),
    )
    await waitFor(async () => (await broker.getMetrics()).lag === 0 && partitions.size === keys.length, { what: 'a lag of 0' })
    expect([...partitions.values()].every((seen) => seen.size === 1)).toBe(true)
    expect(new Set([...partitions.values()].flatMap((seen) => [...seen])).size).toBeGreaterThan(3)
  })
})

describe('topics', () => {
  test('one that is missing is named where none may be made', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ provision: false })
    await expect(room.consume(broker, {}, () => undefined)).rejects.toThrow(`Kafka has no topic "${room.topic}". Create it`)
    await expect(broker.publish([message(1)])).rejects.toThrow(/Nothing was published: Kafka has no topic/)
    expect(await withAdmin((admin) => admin.listTopics())).not.toContain(room.topic)
  })

  test('one with other partitions than asked for is used as it is, with a warning that says so', async () => {
    await using room = new BrokerRoom()
    await makeTopics({ topic: room.topic, numPartitions: 3 })
    const broker = await room.broker({ partitions: 5 })
    const got: number[] = []
    await room.consume(broker, {}, (delivery) => {
      got.push(numberOf(delivery))
      return delivery.ack()
    })
    await broker.publish(Array.from({ length: 9 }, (_, n) => message(n)))
    await waitFor(() => got.length === 9)
    expect(room.warnings()).toEqual([expect.stringMatching(/has 3 partitions, and 5 were asked for/)])
  })

  test('a name that Kafka can not have is refused with the reason', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    await expect(broker.publish([message(1, { destination: 'orders/eu' })])).rejects.toThrow(/may only have letters/)
  })

  test('what was removed before it was handled is told with its count', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    const first = await room.consume(broker, {}, (delivery) => delivery.ack())
    await first.stop()
    await first.close()
    await broker.publish(Array.from({ length: 10 }, (_, n) => message(n)))
    await withAdmin(async (admin) => {
      await admin.fetchTopicOffsets(room.topic)
      await admin.deleteTopicRecords({ topic: room.topic, partitions: [{ partition: 0, offset: '6' }] })
    })
    const got: number[] = []
    await room.consume(broker, {}, (delivery) => got.push(numberOf(delivery)))
    await waitFor(() => got.length === 4, { what: 'what is left' })
    expect(got).toEqual([6, 7, 8, 9])
    expect(room.losses()).toMatchObject([{ group: 'group', destination: 'orders', count: 6 }])
  })

  test('one that is deleted while it is read is made again, the loss told, and the group goes on', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    const got: number[] = []
    await room.consume(broker, {}, (delivery) => {
      got.push(numberOf(delivery))
      return delivery.ack()
    })
    await broker.publish([message(1), message(2), message(3)])
    await waitFor(async () => got.length === 3 && (await broker.getMetrics()).lag === 0)
    await withAdmin((admin) => admin.deleteTopics({ topics: [room.topic] }))
    await waitFor(() => room.losses().length > 0, { what: 'the loss event', limitMs: 15_000 })
    await broker.publish([message(4)])
    await waitFor(() => got.includes(4), { what: 'the group to go on', limitMs: 15_000 })
    expect(room.losses()[0]).toMatchObject({ group: 'group', destination: 'orders' })
  }, 40_000)
})

describe('where a group begins', () => {
  test('what is published right after the subscription is never missed', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    await broker.publish([message(0)])
    for (let n = 1; n <= 5; n++) {
      const got: number[] = []
      await room.consume(broker, { group: `group-${n}` }, (delivery) => got.push(numberOf(delivery)))
      await broker.publish([message(n)])
      await waitFor(() => got.length > 0)
      expect(got[0]).toBe(n)
    }
  })

  test('a Date begins at the first event of that time', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ partitions: 1 })
    await broker.publish([message(1)])
    const since = new Date()
    await waitFor(() => Date.now() > since.getTime() + 5)
    await broker.publish([message(2)])
    const got: number[] = []
    await room.consume(broker, { group: 'late', from: new Date(since.getTime() + 1) }, (delivery) => got.push(numberOf(delivery)))
    await waitFor(() => got.length > 0)
    expect(got).toEqual([2])
  })

  test('a group that was ended begins anew', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const consumer = await room.consume(broker, {}, (delivery) => delivery.ack())
    await broker.publish([message(1)])
    await waitFor(async () => (await broker.getMetrics()).lag === 0)
    await consumer.close()
    expect((await broker.listGroups()).map(({ group, destination }) => [group, destination])).toEqual([['group', 'orders']])
    await broker.removeGroup('group', 'orders')
    expect(await broker.listGroups()).toEqual([])
    const got: number[] = []
    await room.consume(broker, { from: 'beginning' }, (delivery) => got.push(numberOf(delivery)))
    await waitFor(() => got.length === 1)
  })
})

test('an idle consumer costs next to nothing', async () => {
  await using room = new BrokerRoom()
  const broker = await room.broker({ maxWaitTimeInMs: 500, heartbeatIntervalMs: 1_000 })
  const got: number[] = []
  await room.consume(broker, {}, (delivery) => {
    got.push(numberOf(delivery))
    return delivery.ack()
  })
  await broker.publish([message(1)])
  await waitFor(async () => got.length === 1 && (await broker.getMetrics()).lag === 0)
  const real = globalThis.setTimeout
  let timers = 0
  const counted = (...words: Parameters<typeof setTimeout>): ReturnType<typeof setTimeout> => {
    timers += 1
    return real(...words)
  }
  globalThis.setTimeout = Object.assign(counted, real)
  // a window to measure in; nothing is waited for
  await new Promise((resolve) => real(resolve, 1_000))
  globalThis.setTimeout = real
  // a request queue that looks every millisecond sets a thousand for each connection
  expect(timers).toBeLessThan(100)
})
