import { randomUUID } from 'node:crypto'
import { freePort, type PrivateRedis, startRedis } from '@interline/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  type BrokerConfig,
  type BusConfig,
  connectAdmin,
  createBus,
  defineEvent,
  EventBusFactory,
  type HandlerOptions,
  type IEventBus,
  isInterlineError,
  MemoryDeadLetterStore,
  staticSchema,
} from '../src/index.js'

const OrderPlaced = defineEvent('ByConfigurationPlaced', {
  topic: 'byconfiguration.placed',
  schema: staticSchema<{ orderId: string }>(),
  key: (data) => data.orderId,
})
const password = 'only-for-this-test'
let redis: PrivateRedis

beforeAll(async () => {
  redis = await startRedis({ requirePass: password })
})
afterAll(() => redis.close())

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()))
})
const opened = <Closable extends { close(): Promise<void> }>(closable: Closable): Closable => {
  open.push(closable)
  return closable
}

const onRedis = (prefix = `interline-${randomUUID()}`): Extract<BrokerConfig, { type: 'redis' }> => ({
  type: 'redis',
  redis: { port: redis.port, password, prefix, partitions: 2, blockMs: 100 },
})

describe('the same code by configuration alone', () => {
  it.each<[string, () => BusConfig]>([
    ['memory', () => ({})],
    ['redis', () => ({ broker: onRedis() })],
    ['redis with a store', () => ({ broker: onRedis(), store: { type: 'redis' } })],
    ['memory and redis', () => ({ broker: onRedis(), hybrid: true })],
  ])('works on %s', async (_what, config) => {
    const bus = opened(createBus({ service: 'shop', retry: { maxAttempts: 2, backoff: { delayMs: 5 } }, ...config() }))
    const seen: string[] = []
    await bus.subscribe(
      OrderPlaced,
      ({ data }, { attempt }) => {
        seen.push(`${data.orderId} ${attempt}`)
        if (data.orderId === 'bad') throw new Error('no')
      },
      { name: 'mail' },
    )
    await bus.start()
    await bus.publish(OrderPlaced({ orderId: 'good' }))
    await bus.publish(OrderPlaced({ orderId: 'bad' }))
    await expect.poll(() => [...seen].sort(), { timeout: 10_000 }).toEqual(['bad 1', 'bad 2', 'good 1'])
    await expect.poll(() => bus.deadLetters.count(), { timeout: 10_000 }).toBe(1)
    expect(await bus.deadLetters.list()).toMatchObject({ letters: [{ group: 'shop', handler: 'mail', attempts: 2 }] })
  })

  it('subscribes before its adapter is loaded, and is told by the call what the broker can not do', async () => {
    const bus = opened(createBus({ broker: onRedis() }))
    await expect(bus.subscribe('no.such.type', () => undefined, { name: 'a' })).rejects.toThrow(/no event type that is defined here/)
    await expect(bus.subscribe(OrderPlaced, () => undefined)).rejects.toThrow(/has no name/)
    const subscription = await bus.subscribe(OrderPlaced, () => undefined, { name: 'b' })
    expect(subscription.name).toBe('b')
  })

  it('runs a middleware that was there before its adapter', async () => {
    const bus = opened(createBus({ broker: onRedis() }))
    const seen: string[] = []
    bus.use((context, next) => {
      seen.push(context.handler)
      return next()
    })
    await bus.subscribe(OrderPlaced, () => undefined, { name: 'mail' })
    await bus.publish(OrderPlaced({ orderId: 'o-1' }))
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(['mail'])
  })
})

describe('Redis pub/sub by configuration', () => {
  const onPubSub = (): BusConfig => {
    const prefix = `interline-${randomUUID()}`
    return { broker: { type: 'redis-pubsub', 'redis-pubsub': { url: redis.url, prefix } } }
  }

  it('reaches every process that listens', async () => {
    const config = onPubSub()
    const seen: string[] = []
    const buses = ['a', 'b'].map((name) => ({ name, bus: opened(createBus(config)) }))
    for (const { name, bus } of buses) {
      await bus.subscribe(OrderPlaced, ({ data }) => void seen.push(`${name} ${data.orderId}`), { name: 'cache', broadcast: true })
      await bus.start()
    }
    await buses[0]?.bus.publish(OrderPlaced({ orderId: 'o-1' }))
    await expect.poll(() => [...seen].sort(), { timeout: 10_000 }).toEqual(['a o-1', 'b o-1'])
  })

  it.each<[string, Partial<BusConfig>, HandlerOptions]>([
    ['a group', {}, {}],
    ['retries', {}, { broadcast: true, failure: { retry: { maxAttempts: 2 } } }],
    ['dead letters', {}, { broadcast: true, failure: { deadLetter: { enabled: true } } }],
    ['retries of the whole bus', { retry: { maxAttempts: 2 } }, { broadcast: true }],
    ['a place for dead letters', { deadLetters: new MemoryDeadLetterStore() }, { broadcast: true }],
  ])('refuses %s, and says what to do', async (_what, config, options) => {
    const bus = opened(createBus({ ...onPubSub(), ...config }))
    const started = bus.subscribe(OrderPlaced, () => undefined, { name: 'cache', ...options }).then(() => bus.start())
    await expect(started).rejects.toThrow(/^The redis-pubsub broker can not .* or use a broker that can\.$/)
  })
})

describe('a Redis that can not be used', () => {
  const failure = async (config: BusConfig): Promise<Error> => {
    const bus = opened(EventBusFactory.create({ connectTimeoutMs: 5_000, ...config }))
    const error = await bus.start().then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(isInterlineError(error), String(error)).toBe(true)
    return error as Error
  }

  it('rejects start within the deadline where nobody listens', async () => {
    const error = await failure({ broker: { type: 'redis', redis: { port: await freePort() } } })
    expect(error).toMatchObject({ code: 'INTERLINE_CONNECTION', retryable: true })
  })

  it('rejects start without showing the password where it is wrong', async () => {
    const error = await failure({ broker: { type: 'redis', redis: { port: redis.port, password: 'wrong-s3cret' } } })
    expect(error.message).not.toContain('s3cret')
    const byUrl = await failure({ broker: { type: 'redis', redis: { url: `redis://:wrong-s3cret@127.0.0.1:${redis.port}` } } })
    expect(byUrl.message).not.toContain('s3cret')
  })
})

describe('connectAdmin', () => {
  it('sees and changes what a bus on Redis left, without consuming', async () => {
    const settings: BusConfig = { service: 'shop', broker: onRedis() }
    const bus: IEventBus = opened(createBus({ ...settings, retry: { maxAttempts: 1 } }))
    const handled: string[] = []
    let failing = true
    await bus.subscribe(
      OrderPlaced,
      ({ data }) => {
        if (failing) throw new Error('not now')
        handled.push(data.orderId)
      },
      { name: 'mail' },
    )
    await bus.subscribe(OrderPlaced, () => undefined, { name: 'feed', group: 'feeds' })
    await bus.start()
    await bus.publish(OrderPlaced({ orderId: 'o-1' }))
    const admin = opened(await connectAdmin(settings))
    await expect.poll(() => admin.deadLetters.count(), { timeout: 10_000 }).toBe(1)
    expect(await admin.topics.list()).toEqual(['byconfiguration'])
    expect(new Set((await admin.groups.list()).map(({ group }) => group))).toEqual(new Set(['shop', 'feeds']))
    const letters = { status: 'warn', observedValue: 1 }
    expect((await admin.health()).checks).toMatchObject({ 'redis:connection': [{ status: 'pass' }], 'redis:dead-letters': [letters] })

    failing = false
    expect(await admin.deadLetters.redrive({ handler: 'mail' })).toBe(1)
    await expect.poll(() => handled, { timeout: 10_000 }).toEqual(['o-1'])
    expect(await admin.deadLetters.count()).toBe(0)

    await bus.close()
    expect(await admin.groups.remove('feeds')).toBe(1)
    expect((await admin.groups.list()).map(({ group }) => group)).toEqual(['shop'])
    await expect(admin.groups.remove('shopp')).rejects.toThrow('There is no group "shopp". Did you mean "shop"?')
  })

  it('works on a memory broker that is shared with a bus', async () => {
    const bus = opened(createBus({ service: 'shop' }))
    await bus.subscribe(OrderPlaced, () => undefined, { name: 'mail' })
    await bus.start()
    const admin = opened(await connectAdmin({ broker: bus.getBroker() }))
    expect(await admin.groups.list()).toMatchObject([{ group: 'shop', destination: 'byconfiguration', consumers: 1 }])
    await expect(admin.groups.remove('shop')).rejects.toThrow(/has 1 consumers/)
    await admin.close()
    await bus.publish(OrderPlaced({ orderId: 'o-1' }))
  })
})
