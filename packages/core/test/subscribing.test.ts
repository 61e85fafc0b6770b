import { getEventListeners } from 'node:events'
import { MemoryBroker } from '@interline/memory'
import { Gate } from '@interline/testing'
import { expect, it } from 'vitest'
import { type ConnectOptions, defineEvent, EventBus, type Receive, type Source, staticSchema } from '../src/index.js'

const Placed = defineEvent('SubscribingPlaced', { topic: 'subscribing.placed', schema: staticSchema<{ n: number }>() })

it('gives a subscription what is published right after it, also where nobody awaited the subscription', async () => {
  const bus = new EventBus({ broker: new MemoryBroker(), waitForHandlers: true })
  await bus.start()
  const seen: number[] = []
  const subscribed = bus.subscribe(Placed, ({ data }) => seen.push(data.n), { name: 'first' })
  await bus.publish(Placed({ n: 1 }))
  expect(seen).toEqual([1])
  await subscribed
  await bus.close()
})

it('publishes all the same where the subscription before it was refused', async () => {
  const bus = new EventBus({ broker: new MemoryBroker() })
  await bus.start()
  await bus.subscribe(Placed, () => undefined, { name: 'keyed', order: 'key' })
  const refused = bus.subscribe(Placed, () => undefined, { name: 'unkeyed', order: 'none' })
  await bus.publish(Placed({ n: 1 }))
  await expect(refused).rejects.toThrow(/asks for 'none'/)
  await bus.close()
})

/** Refuses to subscribe as long as its server is down. */
class FlakyBroker extends MemoryBroker {
  down = true

  override subscribe(source: Source, receive: Receive): ReturnType<MemoryBroker['subscribe']> {
    return this.down ? Promise.reject(new Error('The server is down.')) : super.subscribe(source, receive)
  }
}

it('takes a subscription again under its name that was refused before', async () => {
  const broker = new FlakyBroker()
  const bus = new EventBus({ broker })
  await bus.start()
  const seen: number[] = []
  const subscribe = (): Promise<unknown> => bus.subscribe(Placed, ({ data }) => seen.push(data.n), { name: 'again' })
  await expect(subscribe()).rejects.toThrow('The server is down.')
  broker.down = false
  await subscribe()
  await bus.publish(Placed({ n: 1 }))
  await bus.idle()
  expect(seen).toEqual([1])
  await bus.close()
})

it('leaves no listener behind where a subscription has ended', async () => {
  const bus = new EventBus({ broker: new MemoryBroker() })
  await bus.start()
  const { signal } = new AbortController()
  for (let n = 0; n < 20; n++) {
    const subscription = await bus.subscribe(Placed, () => undefined, { name: 'brief', signal })
    await subscription.unsubscribe()
  }
  expect(getEventListeners(signal, 'abort')).toEqual([])
  expect(getEventListeners((bus as unknown as { closing: AbortController }).closing.signal, 'abort')).toEqual([])
  await bus.close()
})

it.each([{ delayMs: Number.NaN }, { delayMs: Number.POSITIVE_INFINITY }, { deliverAt: new Date(Number.NaN) }])(
  'refuses to publish at a time that is none: %o',
  async (options) => {
    const bus = new EventBus({ broker: new MemoryBroker() })
    await expect(bus.publish(Placed({ n: 1 }), options)).rejects.toThrow(/delayMs is|deliverAt is/)
    await bus.close()
  },
)

it.each([
  ['the beginning where the broker keeps one', true, 'beginning'],
  ['now where it keeps none, and is not refused', false, 'now'],
])("begins with from: 'earliest' at %s", async (_, replay, expected) => {
  const sources: Source[] = []
  class WatchedBroker extends MemoryBroker {
    override readonly capabilities = { ...new MemoryBroker().capabilities, replay }

    override subscribe(source: Source, receive: Receive): ReturnType<MemoryBroker['subscribe']> {
      sources.push(source)
      return super.subscribe(source, receive)
    }
  }
  await using bus = new EventBus({ broker: new WatchedBroker() })
  await bus.subscribe(Placed, () => undefined, { name: 'earliest', from: 'earliest' })
  await bus.start()
  expect(sources.map(({ from }) => from)).toEqual([expected])
})

/** Answers only when it is told to. */
class SlowBroker extends MemoryBroker {
  readonly answer = new Gate()
  refuses = false

  override async connect(options: ConnectOptions): Promise<void> {
    await this.answer.opened
    if (this.refuses) throw new Error('No such host.')
    await super.connect(options)
  }
}

it('takes a subscription that is made while it connects', async () => {
  const broker = new SlowBroker()
  const bus = new EventBus({ broker, waitForHandlers: true })
  const started = bus.start()
  const seen: number[] = []
  const subscribed = bus.subscribe(Placed, ({ data }) => seen.push(data.n), { name: 'early' })
  const published = bus.publish(Placed({ n: 1 }))
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  broker.answer.open()
  await Promise.all([started, subscribed, published])
  expect(seen).toEqual([1])
  await bus.close()
})

it('tells a subscription that is made while it connects when it can not start', async () => {
  const broker = new SlowBroker()
  const bus = new EventBus({ broker })
  const started = bus.start()
  const subscribed = bus.subscribe(Placed, () => undefined, { name: 'early' })
  broker.refuses = true
  broker.answer.open()
  await expect(started).rejects.toThrow('No such host.')
  await expect(subscribed).rejects.toThrow('No such host.')
  await bus.close()
})

class Mailer {
  handle(): void {}
}

it.each<[string, object, string]>([
  ['misspelt', { nmae: 'mail' }, 'Unknown option subscribe.nmae. Known are name, group,'],
  ['in the wrong place', { retry: { maxAttempts: 2 } }, 'Unknown option subscribe.retry. Give it as { failure: { retry: … } }.'],
  [
    'misspelt deep inside',
    { failure: { retry: { attempts: 2 } } },
    'Unknown option subscribe.failure.retry.attempts. Known are maxAttempts,',
  ],
  ['of another kind', { from: 'begin' }, "subscribe.from must be 'now', 'beginning', 'earliest' or a Date, and is a string."],
])('refuses an option of a subscription that is %s', async (_, options, message) => {
  await using bus = new EventBus({ broker: new MemoryBroker() })
  await expect(bus.subscribe(Placed, () => undefined, options)).rejects.toThrow(message)
  await expect(bus.subscribe({ eventTypes: [Placed], handler: () => undefined, ...options })).rejects.toThrow(message)
})

it('says of wrong calls what they should have been', async () => {
  await using bus = new EventBus({ broker: new MemoryBroker() })
  await expect(bus.subscribe(Placed, Mailer as never)).rejects.toThrow(
    'Mailer is a class, and nobody has made an instance of it. Give one: new Mailer().',
  )
  await expect(bus.publishBatch(Placed({ n: 1 }) as never)).rejects.toThrow('publishBatch takes a list of events. Use publish for one.')
  await expect(bus.publish(Placed({ n: 1 }), { correlationId: 'c' } as never)).rejects.toThrow('Unknown option publish.correlationId.')
  const Keyed = defineEvent('SubscribingKeyed', { schema: staticSchema<{ of: { id: string } }>(), key: ({ of }) => of.id })
  await expect(bus.publish(Keyed({} as never))).rejects.toThrow(/^The key of event "SubscribingKeyed" could not be read from its data: /)
  expect(() => new EventBus({ broker: { type: 'redis' } as never })).toThrow('broker must be a broker itself, such as new MemoryBroker().')
})
