import { randomUUID } from 'node:crypto'
import { Gate } from '@interline/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  type BusConfig,
  createBus,
  createTestEventBus,
  defineEvent,
  EventBusFactory,
  EventHandler,
  EventHandlerRegistry,
  type EventOf,
  HandleEvent,
  type HandlerContext,
  type IEventBus,
  InMemoryBroker,
  MemoryBroker,
  MemoryEventStore,
  staticSchema,
} from '../src/index.js'

const notInstalled: readonly string[] = ['@interline/postgres', '@interline/rabbitmq']
vi.mock('../src/adapters/load-package.js', async (original) => {
  const { loadPackage } = await original<typeof import('../src/adapters/load-package.js')>()
  const missing = (name: string): Error =>
    Object.assign(new Error(`Cannot find package '${name}' imported from /app/index.js`), { code: 'ERR_MODULE_NOT_FOUND' })
  return {
    loadPackage: (name: string, what: string, load: () => Promise<object>) =>
      loadPackage(name, what, notInstalled.includes(name) ? () => Promise.reject(missing(name)) : load),
  }
})

const OrderPlaced = defineEvent('CreateBusOrderPlaced', { topic: 'createbus.placed', schema: staticSchema<{ orderId: string }>() })

const open: IEventBus[] = []
function opened(bus: IEventBus): IEventBus {
  open.push(bus)
  return bus
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((bus) => bus.close()))
  EventHandlerRegistry.getInstance().clear()
})

describe('createBus', () => {
  it('works in memory without any option', async () => {
    const bus = opened(createBus())
    const seen: string[] = []
    await bus.subscribe(OrderPlaced, ({ data }) => seen.push(data.orderId))
    await bus.publish(OrderPlaced({ orderId: 'o-1' }))
    await bus.idle()
    expect(seen).toEqual(['o-1'])
    expect(bus.getBroker()).toBeInstanceOf(MemoryBroker)
  })

  it('takes instances as they are, and leaves a store that was handed in open', async () => {
    const broker = new InMemoryBroker()
    const store = new MemoryEventStore()
    const bus = createBus({ broker, store, service: 'shop' })
    await bus.publish(OrderPlaced({ orderId: 'o-1' }))
    expect(bus.getBroker()).toBe(broker)
    expect(bus.getStore()).toBe(store)
    await bus.close()
    expect(await store.getAllEvents()).toMatchObject([{ data: { orderId: 'o-1' } }])
  })

  it('keeps the store that it made until it has ended, also where a handler closes it', async () => {
    const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
    const bus = opened(createBus({ store: { type: 'memory' }, logger }))
    const seen: string[] = []
    const asked = new Gate()
    const mayGoOn = new Gate()
    const closing = async (_: object, context: HandlerContext): Promise<void> => {
      await bus.close()
      asked.open()
      await mayGoOn.opened
      await context.publish(OrderPlaced({ orderId: 'o-2' }))
      seen.push('published')
    }
    await bus.subscribe(OrderPlaced, closing, { name: 'closing' })
    await bus.publish(OrderPlaced({ orderId: 'o-1' }))
    await asked.opened
    const closed = bus.close().then(() => seen.push('closed'))
    mayGoOn.open()
    await closed
    expect(seen).toEqual(['published', 'closed'])
  })

  it('names the service after the nearest package.json', async () => {
    const bus = opened(createBus())
    const subscription = await bus.subscribe(OrderPlaced, () => undefined)
    expect(subscription.group).toBe('interline-workspace')
  })

  it('routes between a local and the configured broker where hybrid lists say so', async () => {
    const remote = new MemoryBroker()
    const bus = opened(createBus({ broker: remote, hybrid: { localTypes: ['CreateBusOrderPlaced'] } }))
    const seen: string[] = []
    await bus.subscribe(OrderPlaced, ({ data }) => seen.push(data.orderId), { name: 'local' })
    await bus.publish(OrderPlaced({ orderId: 'o-1' }))
    await bus.idle()
    expect(seen).toEqual(['o-1'])
    expect(remote.getMetrics().published).toBe(0)
    expect(bus.getBroker()).toBe(remote)
  })

  it('gives the settings of a memory broker and store to them', async () => {
    const bus = opened(
      createBus({ broker: { type: 'memory', memory: { maxMessageBytes: 500 } }, store: { type: 'memory', memory: { maxEvents: 10 } } }),
    )
    expect(bus.getBroker().capabilities.maxMessageBytes).toBe(500)
    expect(bus.getStore().name).toBe('memory')
  })

  it('refuses to wait for handlers that run anywhere', async () => {
    const remote = new MemoryBroker()
    Object.assign(remote, { capabilities: { ...remote.capabilities, local: false } })
    expect(() => createBus({ broker: remote, waitForHandlers: true })).toThrow(
      /waitForHandlers: handlers of a memory broker run in any process/,
    )
  })

  it('says on the log what is set and has no effect', () => {
    const warnings: string[] = []
    const logger = {
      debug: () => undefined,
      info: () => undefined,
      warn: (message: string) => warnings.push(message),
      error: () => undefined,
    }
    createBus({ logger, unused: [{ name: 'EVENT_TRACKING_ENABLED', reason: 'nobody tracks' }] })
    expect(warnings).toEqual(['EVENT_TRACKING_ENABLED is set and has no effect: nobody tracks.'])
  })

  it('closes once, and answers a publish after that with a clear error', async () => {
    const bus = createBus()
    await bus.start()
    expect(bus.close()).toBe(bus.close())
    await bus.close()
    await expect(bus.publish(OrderPlaced({ orderId: 'late' }))).rejects.toThrow(/the bus is closed/)
  })
})

describe('a bus whose adapter is not installed', () => {
  const adapters: readonly (readonly [string, BusConfig])[] = [
    ['@interline/rabbitmq', { broker: { type: 'rabbitmq' } }],
    ['@interline/postgres', { store: { type: 'postgres', postgres: { table: 'events' } } }],
  ]

  it.each(adapters)('is made all the same, and says at start how to install %s', async (name, config) => {
    const bus = EventBusFactory.create(config)
    await expect(bus.start()).rejects.toMatchObject({
      code: 'INTERLINE_CONFIGURATION',
      message: expect.stringMatching(new RegExp(`needs the package ${name}, which is not installed. Install it: npm install ${name}$`)),
    })
    await bus.close()
  })

  it('whose server can not be reached tells it to everyone who asks, and leaves no rejection to nobody', async () => {
    const bus = EventBusFactory.create({
      broker: { type: 'kafka', kafka: { brokers: ['127.0.0.1:1'], connectTimeoutMs: 300 } },
      connectTimeoutMs: 500,
    })
    const options = { name: 'placed' }
    void bus.subscribe(OrderPlaced, () => undefined, options)
    await expect(bus.start()).rejects.toMatchObject({ code: 'INTERLINE_CONNECTION' })
    await expect(bus.publish(OrderPlaced({ orderId: 'o-1' }))).rejects.toMatchObject({ code: 'INTERLINE_CONNECTION' })
    await bus.close()
  })

  it('has no broker to show before it is started', () => {
    const bus = EventBusFactory.create({ broker: { type: 'kafka' } })
    expect(() => bus.getBroker()).toThrow(/loaded when it starts, and it has not started. Await bus.start\(\) first/)
    expect(() => bus.getStore()).toThrow(/Await bus.start\(\) first/)
  })

  it('can be drained, with or without having been loaded', async () => {
    const idle = createBus({ broker: { type: 'redis' } })
    await idle.drain()
    await idle.close()
    const bus = createBus()
    const seen: string[] = []
    await bus.subscribe(OrderPlaced, ({ data }) => void seen.push(data.orderId), { name: 'seen' })
    await bus.publish(OrderPlaced({ orderId: 'o-1' }))
    await bus.idle()
    await bus.drain()
    await bus.publish(OrderPlaced({ orderId: 'o-2' }))
    await bus.close()
    expect(seen).toEqual(['o-1'])
  })

  it('can be closed without having been started', async () => {
    const bus = EventBusFactory.create({ broker: { type: 'kafka' } })
    await bus.close()
    await expect(bus.start()).rejects.toMatchObject({ code: 'INTERLINE_CLOSED' })
  })

  it('refuses a middleware after the first subscription, as any bus does', () => {
    const bus = EventBusFactory.create({ broker: { type: 'kafka' } })
    bus.use((_context, next) => next())
    void bus.subscribe(OrderPlaced, () => undefined, { name: 'placed' })
    expect(() => bus.use((_context, next) => next())).toThrow(/before the first subscribe/)
  })
})

describe('the bus for tests', () => {
  it('is started, has a store, and its publish waits for the first attempts', async () => {
    const bus = opened(await createTestEventBus())
    const seen: string[] = []
    await bus.subscribe(OrderPlaced, async ({ data }) => {
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(data.orderId)
      throw new Error('and its error is not the publisher’s')
    })
    await bus.publish(OrderPlaced({ orderId: 'o-1' }))
    expect(seen).toEqual(['o-1'])
    expect(bus.getStore().name).toBe('memory')
  })

  it('is there at once, and can be used at once', async () => {
    const bus = opened(EventBusFactory.createForTesting())
    const seen: string[] = []
    void bus.subscribe(OrderPlaced, ({ data }) => seen.push(data.orderId))
    await bus.publish(OrderPlaced({ orderId: 'o-1' }))
    expect(seen).toEqual(['o-1'])
  })
})

describe('decorated handlers', () => {
  class Recording {
    readonly seen: string[] = []

    async handle(event: EventOf<typeof OrderPlaced>): Promise<void> {
      this.seen.push(event.data.orderId)
    }
  }
  const legacyHandler = () => {
    @EventHandler(OrderPlaced, { name: `recording-${randomUUID()}` })
    class OrderRecorder extends Recording {
      @HandleEvent()
      override async handle(event: EventOf<typeof OrderPlaced>): Promise<void> {
        await super.handle(event)
      }
    }
    return new OrderRecorder()
  }

  it('are taken by the first bus that the factory starts, before and after its start, each once', async () => {
    const before = legacyHandler()
    const bus = opened(await EventBusFactory.createAndStart({ waitForHandlers: true }))
    const after = legacyHandler()
    await bus.publish(OrderPlaced({ orderId: 'o-1' }))
    expect(before.seen).toEqual(['o-1'])
    expect(after.seen).toEqual(['o-1'])
    await bus.register(after)
    await bus.publish(OrderPlaced({ orderId: 'o-2' }))
    expect(after.seen).toEqual(['o-1', 'o-2'])
  })

  it('are left alone by other buses, unless these opt in', async () => {
    const handler = legacyHandler()
    const first = opened(await EventBusFactory.createAndStart({ waitForHandlers: true }))
    const second = opened(await EventBusFactory.createAndStart({ waitForHandlers: true }))
    const third = opened(createBus({ waitForHandlers: true, autoRegister: true }))
    await second.publish(OrderPlaced({ orderId: 'second' }))
    expect(handler.seen).toEqual([])
    await third.publish(OrderPlaced({ orderId: 'third' }))
    await first.publish(OrderPlaced({ orderId: 'first' }))
    expect(handler.seen).toEqual(['third', 'first'])
  })

  it('go to the next bus when the default one is closed', async () => {
    const first = await EventBusFactory.createAndStart()
    const handler = legacyHandler()
    await first.close()
    const second = opened(await EventBusFactory.createAndStart({ waitForHandlers: true }))
    await second.publish(OrderPlaced({ orderId: 'o-1' }))
    expect(handler.seen).toEqual(['o-1'])
  })

  it('go to the newest bus for tests, also where earlier ones were not closed', async () => {
    opened(await createTestEventBus())
    const bus = opened(await createTestEventBus())
    const handler = legacyHandler()
    await bus.publish(OrderPlaced({ orderId: 'o-1' }))
    expect(handler.seen).toEqual(['o-1'])
  })

  it('that can not be subscribed are reported where they are constructed later, and reject the start before', async () => {
    const errors: string[] = []
    const logger = {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: (message: string) => errors.push(message),
    }
    const bus = opened(await EventBusFactory.createAndStart({ logger }))
    @EventHandler(OrderPlaced)
    class Unhandling {}
    new Unhandling()
    await expect
      .poll(() => errors, { timeout: 2_000 })
      .toEqual([expect.stringMatching(/^A decorated handler could not be subscribed: Unhandling/)])
    await bus.close()
    await expect(EventBusFactory.createAndStart()).rejects.toThrow(/Unhandling/)
  })
})
