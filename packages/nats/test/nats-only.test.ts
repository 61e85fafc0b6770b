import {
  type Awaitable,
  ConfigurationError,
  type Consumer,
  type Delivery,
  PublishError,
  type Receive,
  type Source,
  systemClock,
  type WireMessage,
} from '@interline/core'
import { NatsBroker, type NatsOptions } from '@interline/nats'
import { CollectingRunner, FaultProxy, ForwardingBroker, testBroker, waitFor } from '@interline/testing'
import { connect } from '@nats-io/transport-node'
import { describe, expect, it, test } from 'vitest'
import { BrokerRoom, message, numberOf } from './broker-room.js'
import { brokerOf, cleanUp, plainClient, stored, url } from './nats-server.js'

// A broken adapter is nothing to publish a table about.
delete process.env.INTERLINE_TEST_REPORT

const server = new URL(url)
const port = Number(server.port || 4222)

describe('settling', () => {
  it('hands a note to whoever gets the event next, and counts a delivery only where one may have begun', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const first: Delivery[] = []
    const consumer = await room.consume(broker, {}, (delivery) => first.push(delivery))
    await broker.publish([0, 1, 2].map((n) => message(n)))
    await waitFor(() => first.length === 3)
    await first[0]?.note('one attempt')
    await consumer.stop()
    first[1]?.release?.()
    await consumer.close()
    expect(first[0]?.lost.aborted).toBe(true)
    expect(await first[0]?.ack()).toBe(false)
    const second: Delivery[] = []
    await room.consume(broker, {}, (delivery) => second.push(delivery))
    await waitFor(() => second.length === 3)
    const seen = second.map((delivery) => [numberOf(delivery), delivery.progress, delivery.redelivered]).sort()
    expect(seen).toEqual([
      [0, 'one attempt', true],
      [1, undefined, false],
      [2, undefined, true],
    ])
    expect(second.map(({ ref }) => ref).sort()).toEqual(first.map(({ ref }) => ref).sort())
  })

  it('makes a stream with others that come at the same moment', async () => {
    await using room = new BrokerRoom()
    const brokers = await Promise.all(Array.from({ length: 8 }, () => room.broker()))
    for (let round = 0; round < 20; round++) {
      const destination = `fresh-${round}`
      await Promise.all(brokers.map((broker) => room.consume(broker, { destination }, (delivery) => delivery.ack())))
    }
    expect((await brokers[0]?.listDestinations())?.length).toBe(20)
  })

  it('gives back what was on its way when it stopped, and nobody takes that for a crash', async () => {
    await using room = new BrokerRoom()
    const publisher = await room.broker()
    await publisher
      .subscribe(
        { group: 'group', destination: 'orders', topics: ['>'], order: 'none', from: 'now', broadcast: false, window: 1 },
        () => undefined,
      )
      .then((one) => one.close())
    const count = 2_000
    await publisher.publish(Array.from({ length: count }, (_, n) => message(n)))
    const first: Delivery[] = []
    let stopped: Promise<void> | undefined
    const leaving = await room.consume(await room.broker(), { window: count }, (delivery) => {
      first.push(delivery)
      stopped ??= leaving.stop() as Promise<void>
    })
    await waitFor(() => first.length > 0)
    await stopped
    for (const delivery of first) delivery.release?.()
    await leaving.close()
    const second: Delivery[] = []
    await room.consume(publisher, { window: count }, (delivery) => second.push(delivery))
    await waitFor(() => second.length === count, { progress: () => second.length })
    expect(second.filter(({ redelivered }) => redelivered)).toEqual([])
    expect(new Set(second.map(numberOf)).size).toBe(count)
  })

  it('gives a retry its progress and its time, and leaves no note of what is handled', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const runs: { readonly atMs: number; readonly progress: string | undefined; readonly redelivered: boolean }[] = []
    await room.consume(broker, {}, async (delivery) => {
      const { progress, redelivered } = delivery
      runs.push({ atMs: performance.now(), progress, redelivered })
      if (runs.length === 3) await delivery.ack()
      else await delivery.retry({ afterMs: 150, progress: `"${runs.length}" żółw`, deadLetters: [] })
    })
    await broker.publish([message(1)])
    await waitFor(async () => runs.length === 3 && (await broker.getMetrics()).lag === 0)
    expect(runs.map(({ progress, redelivered }) => [progress, redelivered])).toEqual([
      [undefined, false],
      ['"1" żółw', false],
      ['"2" żółw', false],
    ])
    expect((runs[1]?.atMs ?? 0) - (runs[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(148)
    await waitFor(async () => (await stored(`${room.namespace}+notes`)) === 0, { what: 'the notes to go' })
  })

  it('says that deliveries are lost once the server was out of reach for too long', async () => {
    await using proxy = await FaultProxy.start({ port })
    await using room = new BrokerRoom()
    const cutOff = await room.broker({ url: `nats://127.0.0.1:${proxy.port}`, ackWaitMs: 600 })
    const taken: Delivery[] = []
    await room.consume(cutOff, {}, (delivery) => taken.push(delivery))
    await cutOff.publish([message(1)])
    await waitFor(() => taken.length === 1)
    proxy.refuse()
    proxy.cut()
    await waitFor(() => taken[0]?.lost.aborted === true, { what: 'the loss to be noticed' })
    expect(await taken[0]?.ack()).toBe(false)
    proxy.heal()
    await waitFor(() => taken.length === 2, { what: 'the event to come again' })
    expect(taken[1]?.redelivered).toBe(true)
    expect(await taken[1]?.ack()).toBe(true)
    expect(room.events.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['disconnected', 'connected']))
  })
})

describe('publishing', () => {
  it('stores once what is sent again because the answer was lost', async () => {
    await using proxy = await FaultProxy.start({ port })
    await using room = new BrokerRoom()
    const broker = await room.broker({ url: `nats://127.0.0.1:${proxy.port}`, requestTimeoutMs: 300 })
    await broker.publish([message(0)])
    proxy.dropReplies()
    const publishing = broker.publish([message(1), message(2)])
    await waitFor(async () => proxy.lossy > 0 && (await stored(`${room.namespace}_orders`)) === 3, { what: 'the events to be stored' })
    proxy.heal()
    await publishing
    expect(await stored(`${room.namespace}_orders`)).toBe(3)
  })

  it('says that nobody knows when no answer comes in time', async () => {
    await using proxy = await FaultProxy.start({ port })
    await using room = new BrokerRoom()
    const broker = await room.broker({ url: `nats://127.0.0.1:${proxy.port}`, requestTimeoutMs: 100, publishTimeoutMs: 300 })
    await broker.publish([message(0)])
    proxy.blackhole()
    const error = await broker.publish([message(1)]).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    proxy.heal()
    expect(error).toBeInstanceOf(PublishError)
    expect(error).toMatchObject({ outcome: 'unknown', failed: [0] })
  })
})

test('a publish whose connection is closed before its answer is one of which nobody knows', async () => {
  await using proxy = await FaultProxy.start({ port })
  await using room = new BrokerRoom()
  const connection = await connect({ servers: `127.0.0.1:${proxy.port}` })
  const broker = await room.broker({ connection })
  await broker.publish([message(0)])
  proxy.dropReplies()
  const publishing = broker.publish([message(1)]).catch((thrown: unknown) => thrown)
  await waitFor(async () => (await stored(`${room.namespace}_orders`)) === 2, { what: 'the event to be stored' })
  await connection.close()
  expect(await publishing).toMatchObject({ outcome: 'unknown', failed: [0] })
})

describe('what happens on the server meanwhile', () => {
  it('a consumer that is removed is made again, which is a loss that is told', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const seen: number[] = []
    await room.consume(broker, {}, async (delivery) => {
      seen.push(numberOf(delivery))
      await delivery.ack()
    })
    await broker.publish([message(1)])
    await waitFor(() => seen.length === 1)
    await using client = await plainClient()
    await client.jsm.consumers.delete(`${room.namespace}_orders`, 'group')
    await broker.publish([message(2)])
    await waitFor(() => seen.length === 2, { what: 'the next event' })
    expect(seen).toEqual([1, 2])
    expect(room.losses()).toMatchObject([{ destination: 'orders', group: 'group' }])
  })

  it('a stream that is removed is made again by the next publish', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const seen: number[] = []
    await room.consume(broker, {}, async (delivery) => {
      seen.push(numberOf(delivery))
      await delivery.ack()
    })
    await broker.publish([message(1)])
    await waitFor(() => seen.length === 1)
    await using client = await plainClient()
    await client.jsm.streams.delete(`${room.namespace}_orders`)
    await broker.publish([message(2)])
    await waitFor(() => seen.length === 2, { what: 'the next event' })
    expect(room.losses().length).toBeGreaterThan(0)
  })

  it('a broadcast that has ended leaves nothing there, and metrics go on', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker()
    const seen: Delivery[] = []
    const consumer = await room.consume(broker, { broadcast: true }, (delivery) => seen.push(delivery))
    await broker.publish([message(1)])
    await waitFor(() => seen.length === 1)
    expect(await seen[0]?.ack()).toBe(true)
    expect(await broker.getMetrics()).toMatchObject({ state: 'ready', lag: 0, unsettled: 0, published: 1, delivered: 1, acked: 1 })
    await consumer.close()
    await using client = await plainClient()
    expect((await client.jsm.streams.info(`${room.namespace}_orders`)).state.consumer_count).toBe(0)
    expect(await broker.getMetrics()).toMatchObject({ state: 'ready', lag: 0 })
  })

  it('what retention removed before a group came back is told, with its number', async () => {
    await using room = new BrokerRoom()
    const broker = await room.broker({ retention: { maxEvents: 5 } })
    const consumer = await room.consume(broker, {}, (delivery) => delivery.ack())
    await broker.publish([message(0)])
    await waitFor(async () => (await broker.getMetrics()).lag === 0)
    await consumer.close()
    await broker.publish(Array.from({ length: 12 }, (_, n) => message(n + 1)))
    const seen: number[] = []
    await room.consume(broker, {}, (delivery) => seen.push(numberOf(delivery)))
    await waitFor(() => seen.length === 5)
    expect(room.losses()).toMatchObject([{ destination: 'orders', group: 'group', count: 7 }])
  })
})

test.each<[object, string]>([
  [{ urll: 'nats://a' }, 'Unknown option nats.urll'],
  [{ url: 'http://user:s3cret@a' }, 'nats.url'],
  [{ url: [] }, 'nats.url'],
  [{ prefix: 'a.b' }, 'nats.prefix'],
  [{ ackWaitMs: 1 }, 'nats.ackWaitMs must be a whole number of at least 200, and is the number 1.'],
  [{ password: ['s3cret'] }, 'nats.password must be a text that is not empty, and is an array.'],
  [{ retention: { maxAge: 1 } }, 'Unknown option nats.retention.maxAge'],
  [{ url: 'nats://a', connection: { request: () => undefined } }, 'each say where NATS is'],
])('options that can not be meant are refused: %o', (options, words) => {
  const make = (): NatsBroker => new NatsBroker(options as NatsOptions)
  expect(make).toThrow(ConfigurationError)
  expect(make).toThrow(words)
  expect(make).toThrow(/^(?!.*s3cret)/)
})

test('a message for which the server is too small is said at once, and not tried again', async () => {
  await using room = new BrokerRoom()
  const broker = await room.broker({ maxMessageBytes: 64 * 1024 * 1024 })
  const began = systemClock.monotonic()
  const publishing = broker.publish([message(1), message(2, { data: 'x'.repeat(2 * 1024 * 1024) })])
  await expect(publishing).rejects.toMatchObject({ outcome: 'failed', failed: [1] })
  expect(systemClock.monotonic() - began).toBeLessThan(5_000)
})

class Drops extends ForwardingBroker {
  override publish(messages: readonly WireMessage[]): Awaitable<void> {
    return this.inner.publish(messages.slice(1))
  }
}

class NeverAcks extends ForwardingBroker {
  override subscribe(source: Source, receive: Receive): Awaitable<Consumer> {
    return this.inner.subscribe(source, (deliveries) =>
      receive(deliveries.map((delivery) => Object.assign(Object.create(delivery) as Delivery, { ack: () => true }))),
    )
  }
}

test.each([
  ['drops', Drops, ['B01', 'B12']],
  ['never acks', NeverAcks, ['B01', 'B30']],
] as const)('the suite finds it when this adapter %s', { timeout: 60_000 }, async (_what, broken, ids) => {
  const runner = new CollectingRunner()
  const create = (namespace: string): ForwardingBroker => new broken(brokerOf(namespace))
  testBroker('broken', { create, cleanUp, runner, scale: 'tiny' })
  const results = await runner.run(ids)
  expect([...new Set(results.filter(({ error }) => error !== undefined).map(({ id }) => id))]).toEqual(ids)
})
