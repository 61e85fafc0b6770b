import { RedisBroker } from '@interline/redis'
import { freePort, Gate, type PrivateRedis, startRedis, waitFor } from '@interline/testing'
import { Controller, Injectable, Module, type OnApplicationShutdown, Post } from '@nestjs/common'
import { EventHandler, type EventOf, type HandlerContext, MemoryBroker } from 'interline'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { getEventBusToken, IEventBus, InterlineModule } from '../src/index.js'
import { application, listening, started } from './applications.js'
import { Journal, OrderMail, OrderPlaced } from './orders.js'

let redis: PrivateRedis
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis?.close())

/** A handler that waits at a door, and uses something that is closed at the very end. */
function slowShop(broker: MemoryBroker) {
  const begun: string[] = []
  const told: string[] = []
  const door = new Gate()
  @Injectable()
  class Database implements OnApplicationShutdown {
    #open = true

    save(line: string): void {
      if (!this.#open) throw new Error('the database is closed')
      told.push(line)
    }

    onApplicationShutdown(): void {
      this.#open = false
    }
  }
  @Injectable()
  @EventHandler(OrderPlaced)
  class Slow {
    constructor(private readonly database: Database) {}

    async handle({ data }: EventOf<typeof OrderPlaced>): Promise<void> {
      begun.push(data.orderId)
      await door.opened
      this.database.save(`saved ${data.orderId}`)
    }
  }
  @Module({ imports: [InterlineModule.forRoot({ service: 'shop', broker })], providers: [Database, Slow] })
  class Shop {}
  return { Shop, begun, told, door }
}

it('an application that is closed waits for the handler that runs, and loses nothing that it did not begin', async () => {
  const broker = new MemoryBroker()
  const { Shop, begun, told, door } = slowShop(broker)
  const app = await started({ imports: [Shop] })
  const bus = app.get<IEventBus>(IEventBus)
  await bus.publish(OrderPlaced({ orderId: 'o-1' }))
  await waitFor(() => begun.length === 1, { what: 'the handler to begin' })
  const drain = vi.spyOn(bus, 'drain')
  let isClosed = false
  const closed = app.close().then(() => (isClosed = true))
  await waitFor(() => drain.mock.calls.length > 0, { what: 'the bus to be drained' })
  await bus.publish(OrderPlaced({ orderId: 'o-2' }))
  expect(isClosed).toBe(false)
  door.open()
  await closed
  expect(told).toEqual(['saved o-1'])
  expect(broker.getMetrics()).toMatchObject({ acked: 1, lag: 1 })

  const next = slowShop(broker)
  next.door.open()
  const again = await started({ imports: [next.Shop] })
  await again.get<IEventBus>(IEventBus).idle()
  expect(next.told).toEqual(['saved o-2'])
})

it('a handler that does not end is not waited for beyond closeTimeoutMs, and its event is given back', async () => {
  const broker = new MemoryBroker()
  const reasons: unknown[] = []
  @Injectable()
  @EventHandler(OrderPlaced)
  class Stuck {
    handle(_event: object, { signal }: HandlerContext): Promise<void> {
      return new Promise(() => signal.addEventListener('abort', () => reasons.push(signal.reason)))
    }
  }
  const app = await started({ imports: [InterlineModule.forRoot({ service: 'shop', broker, closeTimeoutMs: 30 })], providers: [Stuck] })
  await app.get<IEventBus>(IEventBus).publish(OrderPlaced({ orderId: 'o-1' }))
  await app.close()
  expect(reasons).toMatchObject([{ name: 'ClosedError' }])
  expect(broker.getMetrics()).toMatchObject({ acked: 0, lag: 1 })
})

it('a request that is still answered publishes, while handlers take no more', async () => {
  const broker = new MemoryBroker()
  const arrived = new Gate()
  const goOn = new Gate()
  const { Shop, begun } = slowShop(broker)
  @Controller('orders')
  class Orders {
    constructor(private readonly bus: IEventBus) {}

    @Post()
    async place(): Promise<string> {
      arrived.open()
      await goOn.opened
      await this.bus.publish(OrderPlaced({ orderId: 'o-1' }))
      return 'placed'
    }
  }
  const app = await application({ imports: [Shop], controllers: [Orders] })
  const url = await listening(app)
  const bus = app.get<IEventBus>(IEventBus)
  const answer = fetch(`${url}/orders`, { method: 'POST' }).then((response) => response.text())
  await arrived.opened
  const closed = app.close()
  await bus.drain()
  goOn.open()
  expect(await answer).toBe('placed')
  await closed
  expect(begun).toEqual([])
  expect(broker.getMetrics()).toMatchObject({ published: 1, lag: 1 })
})

it('every event is handled once, although one application is closed amid them and another goes on', async () => {
  const handled: string[] = []
  @Injectable()
  @EventHandler(OrderPlaced, { concurrency: 4 })
  class Count {
    async handle({ data }: EventOf<typeof OrderPlaced>): Promise<void> {
      await new Promise((resolve) => setImmediate(resolve))
      handled.push(data.orderId)
    }
  }
  const shop = () => ({
    imports: [InterlineModule.forRoot({ service: 'shop', broker: new RedisBroker({ port: redis.port, partitions: 2 }) })],
    providers: [Count],
  })
  const orders = Array.from({ length: 300 }, (_, n) => `o-${n}`)
  const first = await started(shop())
  await first.get<IEventBus>(IEventBus).publishBatch(orders.map((orderId) => OrderPlaced({ orderId })))
  await waitFor(() => handled.length > 0, { what: 'the first of them' })
  await first.close()
  const before = handled.length
  const second = await started(shop())
  await waitFor(() => handled.length >= orders.length, { progress: () => handled.length, what: 'all of them' })
  await second.get<IEventBus>(IEventBus).idle()
  expect(before).toBeGreaterThan(0)
  expect([...handled].sort()).toEqual([...orders].sort())
})

it('an application whose broker can not be reached does not start, and says which and where', async () => {
  const port = await freePort()
  const broker = { type: 'redis', redis: { host: '127.0.0.1', port, password: 'only-for-this-test' } } as const
  const app = await application({
    imports: [
      InterlineModule.forRoot({ service: 'shop', name: 'far', broker, connectTimeoutMs: 500 }),
      InterlineModule.forRoot({ service: 'shop', metrics: false }),
    ],
    providers: [Journal, OrderMail],
  })
  const refusal: unknown = await app.init().then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(refusal).toMatchObject({ name: 'ConnectionError' })
  expect(String(refusal)).toContain(`127.0.0.1:${port}`)
  expect(String(refusal)).not.toContain('only-for-this-test')
  await expect(app.get<IEventBus>(getEventBusToken('far')).start()).rejects.toThrow(/closed/)
})

it('an application that was made and never started is closed all the same', async () => {
  const app = await application({ imports: [InterlineModule.forRoot({ service: 'shop' })] })
  await app.close()
  await expect(app.get<IEventBus>(IEventBus).start()).rejects.toThrow(/closed/)
})
