import type { Delivery } from '@interline/core'
import { waitFor } from '@interline/testing'
import { CompressionCodecs, CompressionTypes, Partitioners } from 'kafkajs'
import { expect, test } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { plainKafka } from './kafka-server.js'

const drained = (broker: { getMetrics(): Promise<{ lag: number }> }): Promise<void> => {
  let lag = -1
  return waitFor(async () => (lag = (await broker.getMetrics()).lag) === 0, { what: 'a lag of 0', progress: () => lag })
}

test('members that come and go all the time: every event once, in the order of its key, none of them a suspect', async () => {
  await using room = new BrokerRoom()
  const brokers = await Promise.all([room.broker({ partitions: 6 }), room.broker({ partitions: 6 })])
  const [broker, second] = brokers
  if (broker === undefined || second === undefined) return
  const runs: { readonly key: string; readonly n: number; readonly redelivered: boolean }[] = []
  const receive = async (delivery: Delivery): Promise<void> => {
    const mine = { key: delivery.message.key ?? '', n: numberOf(delivery), redelivered: delivery.redelivered }
    await new Promise((resolve) => setImmediate(resolve))
    // core lets go of what it has not begun
    if (delivery.leaving?.aborted === true) return delivery.release?.()
    if (await delivery.ack()) runs.push(mine)
  }
  await room.consume(broker, {}, receive)
  const keys = Array.from({ length: 8 }, (_, index) => `key-${index}`)
  let published = 0
  for (let cycle = 0; cycle < 6; cycle++) {
    let taken = 0
    const member = await room.consume(second, {}, (delivery) => {
      taken += 1
      return receive(delivery)
    })
    const publishOn = async (): Promise<boolean> => {
      await broker.publish(keys.map((key) => message(published, { key })))
      published += 1
      return taken > 20
    }
    await waitFor(publishOn, { what: 'the newcomer to have a part', limitMs: 10_000 })
    await member.stop()
    await member.close()
  }
  const count = (): number => runs.length
  await waitFor(() => count() >= published * keys.length, { what: 'all events', limitMs: 20_000, progress: count })
  await drained(broker)
  expect(runs.length).toBe(published * keys.length)
  expect(runs.filter(({ redelivered }) => redelivered)).toEqual([])
  const inOrder = Array.from({ length: published }, (_, n) => n)
  for (const key of keys) expect(runs.filter((run) => run.key === key).map(({ n }) => n)).toEqual(inOrder)
}, 60_000)

test('a newcomer gets its part while the others go on with theirs', async () => {
  await using room = new BrokerRoom()
  const broker = await room.broker({ partitions: 4 })
  const first: number[] = []
  const second: number[] = []
  let blocked: Delivery | undefined
  await room.consume(broker, {}, async (delivery) => {
    first.push(numberOf(delivery))
    // one handler runs for long: its partition stays, or waits for it
    if (numberOf(delivery) === 0) blocked = delivery
    else await delivery.ack()
  })
  await broker.publish([message(0, { key: 'slow' })])
  await waitFor(() => blocked !== undefined)
  await room.consume(broker, {}, (delivery) => {
    second.push(numberOf(delivery))
    return delivery.ack()
  })
  let n = 0
  await waitFor(
    async () => {
      n += 1
      await broker.publish([message(n, { key: `key-${n}` })])
      return second.length > 5
    },
    { what: 'the newcomer to get its part', limitMs: 10_000 },
  )
  expect(blocked?.lost.aborted).toBe(false)
  expect(await blocked?.ack()).toBe(true)
  await drained(broker)
  expect([...first, ...second].sort((left, right) => left - right)).toEqual(Array.from({ length: n + 1 }, (_, index) => index))
}, 30_000)

test('a consumer that leaves while its group is divided anew tells first what it has handled', async () => {
  await using room = new BrokerRoom()
  const wide = { partitions: 4, commitIntervalMs: 60_000 }
  const broker = await room.broker(wide)
  const other = await room.broker(wide)
  const seen: number[] = []
  const receive = (delivery: Delivery): unknown => {
    seen.push(numberOf(delivery))
    return delivery.ack()
  }
  let published = 0
  const publish = async (): Promise<void> => {
    await broker.publish(Array.from({ length: 40 }, () => message(published, { key: `key-${published++}` })))
    await waitFor(() => seen.length >= published, { what: 'all events', progress: () => seen.length })
  }
  let leaving = await room.consume(broker, {}, receive)
  // the moment at which it leaves moves over the time that dividing takes
  for (let round = 0; round < 16; round++) {
    await publish()
    const joined = room.consume(round % 2 === 0 ? other : broker, {}, receive)
    await new Promise((resolve) => setTimeout(resolve, round * 10))
    await leaving.close()
    leaving = await joined
  }
  await publish()
  await leaving.close()
  expect([...seen].sort((left, right) => left - right)).toEqual(Array.from({ length: published }, (_, n) => n))
}, 60_000)

test('without order, a consumer that closes holds up nobody, and what it still runs is run by nobody else', async () => {
  await using room = new BrokerRoom()
  const broker = await room.broker({ partitions: 1 })
  const running: Delivery[] = []
  const leaving = await room.consume(broker, { order: 'none' }, (delivery) => running.push(delivery))
  await broker.publish([message(1), message(2)])
  await waitFor(() => running.length === 2)
  await leaving.stop()
  const other = await room.broker({ partitions: 1 })
  const got: Delivery[] = []
  await room.consume(other, { order: 'none' }, (delivery) => {
    got.push(delivery)
    return delivery.ack()
  })
  await broker.publish([message(3)])
  await waitFor(() => got.length === 1, { what: 'the other consumer to get on' })
  expect(numberOf(got[0] as Delivery)).toBe(3)
  expect(running.every(({ lost }) => !lost.aborted)).toBe(true)
  expect(await running[0]?.ack()).toBe(true)
  await waitFor(async () => (await broker.getMetrics()).lag === 1, { what: 'only the running one to be left' })
  // the one that it does not finish goes to the other when it closes
  await leaving.close()
  await waitFor(() => got.length === 2, { what: 'what was left' })
  expect(numberOf(got[1] as Delivery)).toBe(2)
  expect(got[1]?.redelivered).toBe(true)
  await drained(broker)
  expect(got.length).toBe(2)
})

test('retries with different delays come each at its time, whatever was given back before', async () => {
  await using room = new BrokerRoom()
  const broker = await room.broker({ partitions: 1 })
  const seen: { readonly n: number; readonly atMs: number }[] = []
  const began = Date.now()
  const delays = [900, 100, 500]
  await room.consume(broker, { order: 'none' }, (delivery) => {
    const n = numberOf(delivery)
    if (delivery.progress === undefined) return delivery.retry({ afterMs: delays[n] ?? 0, progress: '{"n":1}', deadLetters: [] })
    seen.push({ n, atMs: Date.now() - began })
    return delivery.ack()
  })
  await broker.publish([message(0), message(1), message(2)])
  await waitFor(() => seen.length === 3)
  expect(seen.map(({ n }) => n)).toEqual([1, 2, 0])
  for (const { n, atMs } of seen) expect(atMs).toBeGreaterThanOrEqual(delays[n] ?? 0)
})

test('records in a compression that can not be read stop their partition with a clear word, and no other', async () => {
  await using room = new BrokerRoom()
  const broker = await room.broker({ partitions: 2 })
  const got: number[] = []
  await room.consume(broker, {}, (delivery) => {
    got.push(numberOf(delivery))
    return delivery.ack()
  })
  const before = CompressionCodecs[CompressionTypes.Snappy]
  CompressionCodecs[CompressionTypes.Snappy] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) => literal(buffer),
    decompress: async () => before?.(),
  })
  const producer = plainKafka().producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  await producer.send({ topic: room.topic, compression: CompressionTypes.Snappy, messages: [{ partition: 0, value: 'no event' }] })
  await producer.disconnect()
  CompressionCodecs[CompressionTypes.Snappy] = before
  await waitFor(() => room.warnings().length > 0, { what: 'the warning' })
  expect(room.warnings()).toEqual([expect.stringMatching(/Partition 0 .* can't be read, and is not read on: .*[Ss]nappy/)])
  expect((await broker.health()).status).toBe('warn')
  const keys = Array.from({ length: 10 }, (_, n) => `key-${n}`)
  await broker.publish(keys.map((key, n) => message(n, { key })))
  await waitFor(() => got.length > 0, { what: 'the other partition to go on' })
  expect(room.warnings().length).toBe(1)
})

/** Snappy's format with nothing compressed: the length, then the bytes as they are. */
function literal(buffer: Buffer): Buffer {
  const length: number[] = []
  for (let rest = buffer.length; ; rest >>= 7) {
    if (rest < 128) {
      length.push(rest)
      break
    }
    length.push((rest & 127) | 128)
  }
  const tag = Buffer.from([61 << 2, (buffer.length - 1) & 255, (buffer.length - 1) >> 8])
  return Buffer.concat([Buffer.from(length), tag, buffer])
}
