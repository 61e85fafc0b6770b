import { MemoryBroker } from '@interline/memory'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { loadPackage } from '../src/adapters/load-package.js'
import { createBus, defineEvent, staticSchema } from '../src/index.js'

const given: unknown[] = []
vi.mock('@interline/kafka', () => ({
  KafkaBroker: class extends MemoryBroker {
    constructor(settings: object) {
      super()
      given.push(settings)
    }
  },
}))

const Placed = defineEvent('AdapterPackagesPlaced', { topic: 'adapterpackages.placed', schema: staticSchema<{ n: number }>() })

afterEach(() => void given.splice(0))

describe('an adapter that is installed', () => {
  it('is loaded by the first call that needs it, once, and given its settings', async () => {
    const settings = { brokers: ['kafka1:9092'], clientId: 'my-app', groupId: 'mails' }
    const bus = createBus({ broker: { type: 'kafka', kafka: settings }, waitForHandlers: true })
    expect(given).toEqual([])
    const seen: number[] = []
    const first = bus.subscribe(Placed, ({ data }) => seen.push(data.n), { name: 'first' })
    const second = bus.subscribe(Placed, ({ data }) => seen.push(-data.n), { name: 'second' })
    await bus.publish(Placed({ n: 1 }))
    // the group is the bus's
    expect(given).toEqual([{ brokers: ['kafka1:9092'], clientId: 'my-app' }])
    expect(seen).toEqual([1, -1])
    expect((await first).group).toBe('mails')
    await bus.unsubscribe(await second)
    await bus.publish(Placed({ n: 2 }))
    expect(seen).toEqual([1, -1, 2])
    expect(bus.getBroker()).toBeInstanceOf(MemoryBroker)
    await bus.close()
  })

  it('leaves the group of Kafka aside where the service has a name', async () => {
    const bus = createBus({ service: 'shop', broker: { type: 'kafka', kafka: { brokers: ['kafka1:9092'], groupId: 'mails' } } })
    expect((await bus.subscribe(Placed, () => undefined)).group).toBe('shop')
    await bus.close()
  })

  it('takes what is registered, batched, idle and asked for before anything was loaded', async () => {
    const bus = createBus({ broker: { type: 'kafka', kafka: { brokers: ['kafka1:9092'] } } })
    expect(await bus.health()).toMatchObject({ status: 'fail' })
    expect(await bus.deadLetters.count()).toBe(0)
    await bus.publishBatch([Placed({ n: 1 }), Placed({ n: 2 })])
    await bus.idle()
    expect((await bus.getBroker().getMetrics()).published).toBe(2)
    await bus[Symbol.asyncDispose]()
  })
})

describe('a package', () => {
  const missing = (name: string): Error =>
    Object.assign(new Error(`Cannot find package '${name}' imported from /app/index.js`), { code: 'ERR_MODULE_NOT_FOUND' })

  it('that is missing is told with the command that installs it', async () => {
    await expect(loadPackage('@interline/redis', 'redis broker', () => Promise.reject(missing('@interline/redis')))).rejects.toThrow(
      'The redis broker needs the package @interline/redis, which is not installed. Install it: npm install @interline/redis',
    )
  })

  it('that lacks something itself is not told to be missing', async () => {
    const failing = loadPackage('@interline/redis', 'redis broker', () => Promise.reject(missing('ioredis')))
    await expect(failing).rejects.toThrow(/which could not be loaded: Cannot find package 'ioredis'/)
  })
})
