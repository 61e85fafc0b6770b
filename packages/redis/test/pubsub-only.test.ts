import { type BrokerEvent, type Consumer, type Delivery, PublishError, type Source, systemClock, type WireMessage } from '@interline/core'
import { RedisPubSubBroker, type RedisPubSubOptions } from '@interline/redis'
import { FaultProxy, waitFor } from '@interline/testing'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { message, numberOf } from './broker-room.js'
import { cleanUp, plainClient, url } from './redis-server.js'

const source: Source = {
  group: 'group.process',
  destination: 'orders',
  topics: ['>'],
  order: 'key',
  from: 'now',
  broadcast: true,
  window: 100,
}

class Room implements AsyncDisposable {
  readonly prefix: string = `it-pubsub-${process.pid}-${Math.random().toString(36).slice(2, 8)}`
  readonly events: BrokerEvent[] = []
  readonly heard: Delivery[] = []
  readonly #closing: (() => unknown)[] = []

  async broker(options: RedisPubSubOptions = {}): Promise<RedisPubSubBroker> {
    const address = options.port === undefined && options.client === undefined ? { url } : {}
    const broker = new RedisPubSubBroker({ ...address, prefix: this.prefix, ...options })
    this.#closing.push(() => broker.close())
    await broker.connect({ clock: systemClock, report: (event) => this.events.push(event) })
    return broker
  }

  async listen(broker: RedisPubSubBroker, more: Partial<Source> = {}): Promise<Consumer> {
    const consumer = await broker.subscribe({ ...source, ...more }, (deliveries) => {
      for (const delivery of deliveries) {
        this.heard.push(delivery)
        void delivery.ack()
      }
    })
    this.#closing.push(async () => {
      await consumer.stop()
      await consumer.close()
    })
    return consumer
  }

  get topics(): readonly string[] {
    return this.heard.map(({ message: { topic } }) => topic)
  }

  losses(): readonly BrokerEvent[] {
    return this.events.filter(({ kind }) => kind === 'loss')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing.reverse()) await close()
    await cleanUp(this.prefix)
  }
}

function on(topic: string, n = 0): WireMessage {
  const plain = message(n)
  return { ...plain, topic, attributes: { ...plain.attributes, topic } }
}

const proxied = async (): Promise<FaultProxy> => FaultProxy.start({ port: Number(new URL(url).port || 6379) })

describe('a gap', () => {
  it('is told after every reconnect, when it listens again', async () => {
    await using proxy = await proxied()
    await using room = new Room()
    const broker = await room.broker({ port: proxy.port })
    await room.listen(broker)
    for (const gaps of [1, 2]) {
      proxy.cut()
      await waitFor(() => room.losses().length === gaps, { what: 'the gap to be told' })
      const before = room.heard.length
      await broker.publish([message(gaps)])
      await waitFor(() => room.heard.length === before + 1, { what: 'what is published after the gap was told' })
    }
    expect(room.losses()[0]).toMatchObject({ destination: 'orders', group: 'group.process' })
  })

  it('is noticed on a connection that has gone silent', { timeout: 30_000 }, async () => {
    await using proxy = await proxied()
    await using room = new Room()
    await room.listen(await room.broker({ port: proxy.port, commandTimeoutMs: 300, connectTimeoutMs: 500 }))
    proxy.blackhole()
    await waitFor(() => room.events.some(({ kind }) => kind === 'disconnected'), { limitMs: 10_000, what: 'the silence to be noticed' })
    proxy.heal()
    await waitFor(() => room.losses().length === 1, { what: 'the gap to be told' })
  })

  it('is told for what a slow handler has no room for', async () => {
    await using room = new Room()
    const broker = await room.broker({ maxBufferBytes: 2_000 })
    const consumer = await room.listen(broker)
    consumer.pause()
    await broker.publish(Array.from({ length: 50 }, (_, n) => message(n)))
    await waitFor(() => room.losses().length === 1, { what: 'the loss to be told' })
    consumer.resume()
    const [loss] = room.losses() as readonly { readonly count?: number }[]
    await waitFor(() => room.heard.length + (loss?.count ?? 0) === 50, { progress: () => room.heard.length })
    expect(room.heard.map(numberOf)).toEqual(Array.from(room.heard.keys()))
  })
})

describe('topics', () => {
  it('come once each, however many subscriptions of the process cover them, and a * never crosses a dot', async () => {
    await using room = new Room()
    const broker = await room.broker()
    await room.listen(broker, { topics: ['orders.*', 'orders.created', 'orders.>', '>'] })
    await room.listen(broker, { topics: ['orders.*'], group: 'another' })
    const last = 'orders.last'
    await broker.publish([on('orders.created'), on('orders.part.created'), on('ordersX.created'), on(last)])
    await waitFor(() => room.topics.filter((topic) => topic === last).length === 2)
    expect([...room.topics].sort()).toEqual(
      ['orders.created', 'orders.created', 'orders.part.created', 'ordersX.created', last, last].sort(),
    )
  })

  it('mean what they say where a glob would mean something else', async () => {
    await using room = new Room()
    const broker = await room.broker()
    await room.listen(broker, { topics: ['o[ab]?.*', 'exact.o[ab]?'] })
    await broker.publish([on('oax.created'), on('o[ab]?.created'), on('exact.oax'), on('exact.o[ab]?')])
    await waitFor(() => room.topics.length === 2)
    expect(room.topics).toEqual(['o[ab]?.created', 'exact.o[ab]?'])
  })

  it('can be changed, and what is no longer wanted stays away', async () => {
    await using room = new Room()
    const broker = await room.broker()
    const consumer = await room.listen(broker, { topics: ['orders.*'] })
    await consumer.setTopics?.(['orders.sent'])
    await broker.publish([on('orders.created'), on('orders.sent')])
    await waitFor(() => room.topics.length > 0)
    expect(room.topics).toEqual(['orders.sent'])
    await using plain = plainClient()
    expect(await plain.redis.pubsub('NUMSUB', `${room.prefix}:orders:orders.sent`)).toEqual([`${room.prefix}:orders:orders.sent`, 1])
    await consumer.stop()
    expect(await plain.redis.pubsub('CHANNELS', `${room.prefix}:*`)).toEqual([])
  })

  it('of two destinations stay apart, also where their names hold a colon', async () => {
    await using room = new Room()
    const broker = await room.broker()
    await room.listen(broker, { destination: 'a', topics: ['>'] })
    await broker.publish([
      { ...on('x'), destination: 'a:b' },
      { ...on('y'), destination: 'a' },
    ])
    await waitFor(() => room.topics.length > 0)
    expect(room.topics).toEqual(['y'])
  })
})

describe('payloads', () => {
  it('carry text, bytes and nothing, and a stranger is told from an event', async () => {
    await using room = new Room()
    const broker = await room.broker()
    await room.listen(broker)
    const bytes = new Uint8Array([0, 255, 1])
    const typed = (datacontenttype: string | undefined, data: string | Uint8Array): WireMessage => {
      const plain = message(1, { key: 'k' })
      return { ...plain, attributes: { ...plain.attributes, ...(datacontenttype === undefined ? {} : { datacontenttype }) }, data }
    }
    const sent = [typed('application/json', '{"a":"ż"}'), typed('text/plain', 'ż'), typed('image/png', bytes), typed(undefined, '')]
    await broker.publish(sent)
    await waitFor(() => room.heard.length === sent.length)
    expect(room.heard.map((delivery) => delivery.message.data)).toEqual(sent.map(({ data }) => data))
    expect(room.heard[0]?.message).toEqual({ ...sent[0], attributes: { ...sent[0]?.attributes, partitionkey: 'k' } })
    await using plain = plainClient()
    await plain.redis.publish(`${room.prefix}:orders:orders.created`, Buffer.from([0xff, 0x00]))
    await waitFor(() => room.heard.length === sent.length + 1)
    expect(room.heard.at(-1)?.undecodable).toBeInstanceOf(Error)
    expect(Buffer.from(room.heard.at(-1)?.message.data as Uint8Array)).toEqual(Buffer.from([0xff, 0x00]))
  })
})

describe('publishing', () => {
  it('is unknown where the answer got lost, and fails where nothing was sent', async () => {
    await using proxy = await proxied()
    await using room = new Room()
    const broker = await room.broker({ port: proxy.port, commandTimeoutMs: 300, connectTimeoutMs: 300 })
    await room.listen(await room.broker())
    proxy.dropReplies()
    const lost: unknown = await broker.publish([message(1)]).catch((error: unknown) => error)
    expect(lost).toMatchObject({ outcome: 'unknown', failed: [0] })
    await waitFor(() => room.heard.length === 1)
    proxy.refuse()
    proxy.cut()
    const refused: unknown = await broker.publish([message(2)]).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(PublishError)
    expect(refused).toMatchObject({ outcome: 'failed' })
    proxy.heal()
    await broker.publish([message(3)])
    await waitFor(() => room.heard.length === 2)
    expect(room.heard.map(numberOf)).toEqual([1, 3])
  })

  it('leaves a client that was handed in as it is', async () => {
    await using room = new Room()
    const client = new Redis(url)
    const broker = await room.broker({ client })
    await room.listen(broker)
    await broker.publish([message(1)])
    await waitFor(() => room.heard.length === 1)
    await broker.close()
    expect(await client.ping()).toBe('PONG')
    client.disconnect()
  })
})
