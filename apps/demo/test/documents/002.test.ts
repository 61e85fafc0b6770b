import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type PrivateRedis, recorder, startRedis, testBus, waitFor } from '@interline/testing'
import { connect } from 'amqplib'
import { createBus, DomainEvent, type GeneralEvent, IntegrationEvent, SystemEvent } from 'interline'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Cleanings, type DocumentEvent, diskFull, fixtures, orderShipped, pointsEarned, snippet } from './002-surroundings.js'

const root = join(import.meta.dirname, '../../../..')
const cleanings = new Cleanings()
let redis: PrivateRedis

beforeAll(async () => {
  redis = await startRedis({ appendOnly: false })
})
afterEach(() => cleanings.run())
afterAll(() => redis?.close())

it('the snippets of the document type-check, and what it calls an interface is filled by the packages', async () => {
  expect(existsSync(join(root, 'packages/interline/dist/index.d.ts')), 'the types are built: run `tsc -b` first').toBe(true)
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const output = await promisify(execFile)(process.execPath, [tsc, '-p', fixtures]).then(
    () => '',
    (error: { stdout?: string; message: string }) => error.stdout || error.message,
  )
  expect(output).toBe('')
})

describe('Event Types', () => {
  it.each(['memory', 'redis', 'rabbitmq'] as const)('all three travel as plain objects, and come from %s as they were', async (broker) => {
    await using bus = createBus({ service: 'events', broker: cleanings.placeOn(broker, redis.url) })
    await bus.start()
    const listener = recorder<GeneralEvent>()
    await bus.subscribe('events.*', listener.handle, { name: 'listener' })
    const sent = [pointsEarned('ada'), orderShipped, diskFull]
    await bus.publishBatch(sent)
    await bus.idle()
    expect(listener.events).toHaveLength(sent.length)
    for (const event of sent) expect(listener.events.find(({ id }) => id === event.id)).toMatchObject(event)
  })

  it('as classes they have the same fields', () => {
    class PointsEarned extends DomainEvent {
      readonly eventType = 'PointsEarned'
    }
    class OrderShipped extends IntegrationEvent<{ orderId: string }> {
      readonly eventType = 'OrderShipped'
    }
    class DiskFull extends SystemEvent {
      readonly eventType = 'DiskFull'
    }
    const { metadata } = diskFull
    expect(new PointsEarned('ada', 'player', undefined, metadata)).toMatchObject({
      ...{ type: 'PointsEarned', version: 1, aggregateId: 'ada', aggregateType: 'player', metadata },
      id: expect.any(String),
      timestamp: expect.any(Date),
    })
    expect(new OrderShipped('shop', 'shipped', { orderId: 'o-1' }, metadata)).toMatchObject({
      ...{ service: 'shop', action: 'shipped', payload: { orderId: 'o-1' }, metadata },
    })
    expect(new DiskFull('critical', 'disk', 'It is full.', { free: 0 })).toMatchObject({
      ...{ level: 'critical', component: 'disk', message: 'It is full.', details: { free: 0 } },
    })
  })
})

interface SketchedBus {
  publish(event: object): Promise<void>
  subscribe(pattern: string, handler: SketchedHandler): Promise<object>
  unsubscribe(subscription: object): Promise<void>
}
interface SketchedHandler {
  handle(event: DocumentEvent): Promise<void>
  filter?(event: DocumentEvent): boolean
  errorHandler?(error: Error, event: DocumentEvent): Promise<void>
  readonly retryStrategy?: object
}

/** Fails in its first runs. */
class Counter {
  readonly seen: DocumentEvent[] = []
  readonly errors: string[] = []
  readonly retryStrategy: object
  readonly #failures: number

  constructor(failures: number, retryStrategy: object) {
    this.#failures = failures
    this.retryStrategy = retryStrategy
  }

  filter({ type }: { readonly type: string }): boolean {
    return type !== 'events.DiskFull'
  }

  async handle(event: DocumentEvent): Promise<void> {
    this.seen.push(event)
    if (this.seen.length <= this.#failures) throw new Error(`failure ${this.seen.length}`)
  }

  async errorHandler({ message }: Error): Promise<void> {
    this.errors.push(message)
  }
}

const thrice = { maxAttempts: 3, backoff: { type: 'fixed', delay: 1 } } as const

describe('Event Bus Implementation', () => {
  async function sketch(): Promise<SketchedBus> {
    const { RedisPubSubEventBus } = await snippet<{ RedisPubSubEventBus: new (...given: unknown[]) => SketchedBus }>('event-bus')
    const client = new Redis(redis.url)
    cleanings.add(async () => client.disconnect())
    return new RedisPubSubEventBus(client, { debug: () => undefined }, {})
  }

  it('RedisPubSubEventBus as sketched: what fails is told and gone, whatever the retry strategy says, and times are text', async () => {
    const bus = await sketch()
    const counter = new Counter(1, thrice)
    const subscription = await bus.subscribe('events.*', counter)
    await bus.publish(diskFull)
    for (const points of [1, 2]) await bus.publish(pointsEarned('ada', points))
    await waitFor(() => counter.seen.length === 2, { what: 'both' })
    await bus.unsubscribe(subscription)
    expect(counter.errors).toEqual(['failure 1'])
    expect(counter.seen.map((event) => (event as DocumentEvent & { data: object }).data)).toEqual([{ points: 1 }, { points: 2 }])
    expect(counter.seen[0]?.timestamp).toBe('2026-01-02T03:04:05.678Z')
  })

  it.each(['memory', 'redis', 'rabbitmq'] as const)(
    'the same handler on %s: filtered, told of failures, retried, unsubscribed',
    async (broker) => {
      await using bus = createBus({ service: 'events', broker: cleanings.placeOn(broker, redis.url) })
      await bus.start()
      const counter = new Counter(2, thrice)
      const subscription = await bus.subscribe<DocumentEvent>('events.*', counter)
      const event = pointsEarned('ada')
      await bus.publishBatch([diskFull, event])
      await bus.idle()
      expect(counter.seen).toMatchObject([event, event, event])
      expect(counter.errors).toEqual(['failure 1', 'failure 2'])
      await bus.unsubscribe(subscription)
      const later = recorder()
      await bus.subscribe('events.*', later.handle, { name: 'later' })
      await bus.publish(pointsEarned('grace'))
      await bus.idle()
      expect([later.events.length, counter.seen.length]).toEqual([1, 3])
    },
  )

  it('Redis pub/sub, where losing is meant: broadcast subscriptions, and a retry strategy is refused instead of forgotten', async () => {
    const place = cleanings.placeOn('redis', redis.url)
    if (place.type !== 'redis') throw new Error('This is about Redis.')
    const broker = { type: 'redis-pubsub', 'redis-pubsub': place.redis } as const
    await using bus = createBus({ service: 'events', broker })
    await using other = createBus({ service: 'events', broker })
    const [here, there] = [recorder<DocumentEvent>(), recorder<DocumentEvent>()]
    const subscription = await bus.subscribe('events.*', here.handle, { name: 'screen', broadcast: true })
    await other.subscribe('events.*', there.handle, { name: 'screen', broadcast: true })
    await Promise.all([bus.start(), other.start()])
    await bus.publish(pointsEarned('ada'))
    await waitFor(() => here.events.length + there.events.length === 2, { what: 'both to hear it' })
    await bus.unsubscribe(subscription)
    await bus.publish(pointsEarned('grace'))
    await waitFor(() => there.events.length === 2, { what: 'the other to hear it' })
    expect(here.events).toHaveLength(1)
    await expect(bus.subscribe<DocumentEvent>('events.*', new Counter(0, thrice), { broadcast: true })).rejects.toMatchObject({
      code: 'INTERLINE_UNSUPPORTED',
    })
  })

  it.each([
    [{ type: 'fixed', delay: 100 }, [100, 100, 100]],
    [{ type: 'exponential', delay: 100 }, [100, 200, 400]],
    [{ type: 'exponential', delay: 100, maxDelay: 150 }, [100, 150, 150]],
  ] as const)('RetryStrategy with the backoff %j waits %j ms, and then the event is dead', async (backoff, waits) => {
    await using test = await testBus()
    const counter = new Counter(4, { maxAttempts: 4, backoff: { ...backoff, jitter: 0 }, deadLetter: { enabled: true } })
    await test.bus.subscribe<DocumentEvent>('events.*', counter)
    await test.publish(pointsEarned('ada'))
    for (const [index, wait] of waits.entries()) {
      await test.advance(wait - 1)
      expect(counter.seen).toHaveLength(index + 1)
      await test.advance(1)
      expect(counter.seen).toHaveLength(index + 2)
    }
    expect((await test.bus.deadLetters.list()).letters).toMatchObject([{ handler: 'Counter', attempts: 4, reason: 'exhausted' }])
  })

  it('RetryStrategy.deadLetter names an exchange of RabbitMQ, and any client reads there what died', async () => {
    const place = cleanings.placeOn('rabbitmq', redis.url)
    if (place.type !== 'rabbitmq') throw new Error('This is about RabbitMQ.')
    const connection = await connect(place.rabbitmq.url)
    cleanings.add(() => connection.close())
    const channel = await connection.createChannel()
    const exchange = `${place.rabbitmq.prefix}.graveyard`
    await channel.assertExchange(exchange, 'direct', { autoDelete: true })
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, exchange, 'events.dead')
    await using bus = createBus({ service: 'events', broker: place })
    await bus.start()
    const deadLetter = { enabled: true, exchange, routingKey: 'events.dead' }
    await bus.subscribe<DocumentEvent>('events.*', new Counter(9, { ...thrice, deadLetter }))
    const event = pointsEarned('ada')
    await bus.publish(event)
    await bus.idle()
    const message = await channel.get(queue, { noAck: true })
    if (message === false) throw new Error('Nothing is in the queue.')
    const { headers = {} } = message.properties
    expect(JSON.parse(message.content.toString())).toEqual({ points: 5 })
    expect(headers).toMatchObject({ cloudEvents_id: event.id, cloudEvents_type: event.type, cloudEvents_correlationid: 'request-1' })
    expect(JSON.parse(String(headers['interline-letter']))).toMatchObject({
      handler: 'Counter',
      attempts: 3,
      error: { message: 'failure 3' },
    })
    expect(await channel.get(queue)).toBe(false)
  })

  it.each(['memory', 'redis'] as const)('RetryStrategy.deadLetter.exchange is refused on %s, which has no exchanges', async (broker) => {
    await using bus = createBus({ service: 'events', broker: cleanings.placeOn(broker, redis.url) })
    await bus.start()
    const deadLetter = { enabled: true, exchange: 'graveyard', routingKey: 'events.dead' }
    const subscribing = bus.subscribe<DocumentEvent>('events.*', new Counter(0, { ...thrice, deadLetter }))
    await expect(subscribing).rejects.toThrow(/Leave out "exchange"/)
  })
})
