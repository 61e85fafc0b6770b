import {
  type BrokerCapabilities,
  ClosedError,
  ConfigurationError,
  type DeadLetter,
  defineEvent,
  EncodeError,
  EventBus,
  type EventBusOptions,
  EventTooLargeError,
  type HandlerContext,
  type IDeadLetterStore,
  ProcessIdempotencyStore,
  Reject,
  SubscriptionError,
  staticSchema,
} from '@interline/core'
import { MemoryBroker, MemoryDeadLetterStore } from '@interline/memory'
import { Gate, recorder, VirtualClock, waitFor } from '@interline/testing'
import { afterEach, describe, expect, test } from 'vitest'

const Made = defineEvent('delivery.Made', {
  topic: 'things.made',
  schema: staticSchema<{ n: number; extra?: unknown }>(),
  key: () => 'one',
})
const Followed = defineEvent('delivery.Followed', { topic: 'followed.made', schema: staticSchema<{ n: number }>() })

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const quick = { maxAttempts: 3, backoff: { type: 'fixed', delayMs: 1, jitter: 0 } } as const
const buses: EventBus[] = []

function makeBus(options: Partial<EventBusOptions> = {}): EventBus {
  const bus = new EventBus({ broker: new MemoryBroker(), retry: quick, logger: silent, ...options })
  buses.push(bus)
  return bus
}

async function letters(bus: EventBus): Promise<readonly DeadLetter[]> {
  return (await bus.deadLetters.list()).letters
}

afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close({ timeoutMs: 200 })
})

describe('a handler', () => {
  test.each([
    ['throws a string', () => Promise.reject('just text'), 'just text'],
    [
      'throws before it returns a promise',
      () => {
        throw new Error('at once')
      },
      'at once',
    ],
    ['rejects with an object', () => Promise.reject({ status: 500 }), '{"status":500}'],
    ['rejects with nothing', () => Promise.reject(undefined), 'undefined'],
  ])('that %s is retried, and its words are in the dead letter', async (_, handle, message) => {
    const bus = makeBus()
    await bus.subscribe(Made, handle as () => Promise<void>, { name: 'failing' })
    await bus.publish(Made({ n: 1 }))
    await bus.idle()
    expect(await letters(bus)).toMatchObject([{ attempts: 3, reason: 'exhausted', error: { message } }])
  })

  test('that never settles fails when its time is up, and its signal is aborted', async () => {
    const bus = makeBus()
    const signals: AbortSignal[] = []
    await bus.subscribe(Made, (_, { signal }) => new Promise<void>(() => signals.push(signal)), {
      name: 'stuck',
      failure: { timeoutMs: 10 },
    })
    await bus.publish(Made({ n: 1 }))
    await bus.idle()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true])
    expect(await letters(bus)).toMatchObject([{ handler: 'stuck', error: { name: 'HandlerTimeoutError' } }])
  })

  test('that rejects an event is not run again', async () => {
    const bus = makeBus()
    const seen = recorder<ReturnType<typeof Made>>(() => {
      throw new Reject('not ours')
    })
    await bus.subscribe(Made, seen.handle, { name: 'picky' })
    await bus.publish(Made({ n: 1 }))
    await bus.idle()
    expect(seen.runs).toHaveLength(1)
    expect(await letters(bus)).toMatchObject([{ attempts: 1, reason: 'rejected', error: { message: 'not ours' } }])
  })

  test('whose error handler fails too is judged by its first error', async () => {
    const bus = makeBus()
    const told: string[] = []
    const errorHandler = (error: Error): never => {
      told.push(error.message)
      throw new Error('and the error handler')
    }
    await bus.subscribe(Made, () => Promise.reject(new Error('the cause')), { name: 'failing', failure: { errorHandler } })
    await bus.publish(Made({ n: 1 }))
    await bus.idle()
    expect(told).toEqual(['the cause', 'the cause', 'the cause'])
    expect(await letters(bus)).toMatchObject([{ error: { message: 'the cause' } }])
  })

  test('with a filter sees only what passes it, and the rest counts as handled', async () => {
    const bus = makeBus()
    const seen = recorder<ReturnType<typeof Made>>()
    await bus.subscribe(Made, seen.handle, { name: 'odd', filter: ({ data }) => data.n % 2 === 1 })
    for (let n = 0; n < 6; n++) await bus.publish(Made({ n }))
    await bus.idle()
    expect(seen.events.map(({ data }) => data.n)).toEqual([1, 3, 5])
    expect((await bus.getBroker().getMetrics()).lag).toBe(0)
  })

  test('that changes its event changes it for nobody else, nor for its own next attempt', async () => {
    const bus = makeBus()
    const seen: number[] = []
    const spoil = (name: string) => ({
      name,
      handle: (event: { data: { n: number } }, { attempt }: HandlerContext) => {
        seen.push(event.data.n)
        event.data.n = -1
        if (name === 'first' && attempt === 1) throw new Error('again')
      },
    })
    for (const { name, handle } of [spoil('first'), spoil('second')]) await bus.subscribe(Made, handle, { name })
    await bus.publish(Made({ n: 7 }))
    await bus.idle()
    expect(seen).toEqual([7, 7, 7])
  })

  test('without a name is refused on a broker that keeps things under names', async () => {
    const broker = new MemoryBroker()
    const durable = Object.defineProperty(broker, 'capabilities', { value: { ...broker.capabilities, local: false, durable: true } })
    const bus = makeBus({ broker: durable })
    await expect(bus.subscribe(Made, () => undefined)).rejects.toThrow(SubscriptionError)
    await expect(bus.subscribe('NobodyKnowsThis', () => undefined, { name: 'x' })).rejects.toThrow('no event type that is defined here')
  })

  test('of a name that is taken is refused where the name was given', async () => {
    const bus = makeBus()
    await bus.subscribe(Made, () => undefined, { name: 'mail' })
    await expect(bus.subscribe(Followed, () => undefined, { name: 'mail' })).rejects.toThrow('already has a handler "mail"')
    await expect(bus.subscribe(Followed, () => undefined, { name: 'mail', group: 'other' })).resolves.toBeDefined()
  })
})

describe('an event published by a handler', () => {
  test('takes over correlation, and the handled event as its cause, by the context or by the bus, also after waiting', async () => {
    const bus = makeBus()
    const followed = recorder<ReturnType<typeof Followed>>()
    await bus.subscribe(
      Made,
      async (event, context) => {
        await new Promise((resolve) => setImmediate(resolve))
        await (event.data.n === 1 ? context.publish(Followed({ n: 1 })) : bus.publish(Followed({ n: 2 })))
      },
      { name: 'source' },
    )
    await bus.subscribe(Followed, followed.handle, { name: 'followed' })
    const [first, second] = [Made({ n: 1 }, { correlationId: 'request-1' }), Made({ n: 2 }, { correlationId: 'request-2' })]
    await bus.publishBatch([first, second])
    await bus.idle()
    const seen = Object.fromEntries(followed.events.map(({ data, metadata }) => [data.n, metadata]))
    expect(seen[1]).toMatchObject({ correlationId: 'request-1', causationId: first.eventId })
    expect(seen[2]).toMatchObject({ correlationId: 'request-2', causationId: second.eventId })
  })

  test('resolves on acceptance also where publish waits for handlers, so that two handlers never wait for each other', async () => {
    const bus = makeBus({ waitForHandlers: true })
    const seen: string[] = []
    await bus.subscribe(
      Made,
      async ({ data }, context) => {
        if (data.n < 3) await context.publish(Made({ n: data.n + 1 }))
        seen.push(`made ${data.n}`)
      },
      { name: 'chain' },
    )
    await bus.publish(Made({ n: 0 }))
    expect(seen).toContain('made 0')
    await bus.idle()
    expect([...seen].sort()).toEqual(['made 0', 'made 1', 'made 2', 'made 3'])
  })
})

test('publish waits for first attempts where that was asked for, and does not reject for a handler', async () => {
  const bus = makeBus({ waitForHandlers: true })
  let attempts = 0
  await bus.subscribe(
    Made,
    async () => {
      await new Promise((resolve) => setImmediate(resolve))
      attempts++
      throw new Error('no')
    },
    { name: 'failing' },
  )
  await bus.start()
  await bus.publish(Made({ n: 1 }))
  expect(attempts).toBe(1)
  await bus.idle()
  expect(attempts).toBe(3)
})

test('middleware runs around every attempt, the first that was given outermost, and can end it', async () => {
  const bus = makeBus()
  const log: string[] = []
  bus.use(async (context, next) => {
    log.push(`outer ${context.attempt}`)
    await next()
  })
  bus.use((context, next) => {
    log.push(`inner ${context.attempt}`)
    return context.attempt === 1 ? Promise.reject(new Error('by middleware')) : next()
  })
  await bus.subscribe(Made, (_, { attempt }) => void log.push(`handler ${attempt}`), { name: 'handler' })
  expect(() => bus.use((_, next) => next())).toThrow(ConfigurationError)
  await bus.publish(Made({ n: 1 }))
  await bus.idle()
  expect(log).toEqual(['outer 1', 'inner 1', 'outer 2', 'inner 2', 'handler 2'])
})

test('while the idempotency store is away nothing is handled unchecked, and nothing is lost', async () => {
  const clock = new VirtualClock()
  class FailingStore extends ProcessIdempotencyStore {
    down = true
    override claim(...call: Parameters<ProcessIdempotencyStore['claim']>): ReturnType<ProcessIdempotencyStore['claim']> {
      if (this.down) throw new Error('away')
      return super.claim(...call)
    }
  }
  const idempotency = new FailingStore({ clock })
  const bus = makeBus({ clock, idempotency })
  const seen = recorder<ReturnType<typeof Made>>()
  await bus.subscribe(Made, seen.handle, { name: 'seen' })
  await bus.publish(Made({ n: 1 }))
  await clock.advance(10_000)
  expect(seen.runs).toHaveLength(0)
  idempotency.down = false
  await clock.advance(1_000)
  expect(seen.runs).toHaveLength(1)
})

test('while the dead-letter store is away a dead event stays in hand, until the store has it', async () => {
  const inner = new MemoryDeadLetterStore()
  let down = true
  const store: IDeadLetterStore = {
    add: (added) => (down ? Promise.reject(new Error('away')) : inner.add(added)),
    list: (filter, page) => inner.list(filter, page),
    count: (filter) => inner.count(filter),
    remove: (ids) => inner.remove(ids),
  }
  const bus = makeBus({ deadLetters: store })
  await bus.subscribe(Made, () => Promise.reject(new Reject('never')), { name: 'failing' })
  await bus.publish(Made({ n: 1 }))
  await waitFor(async () => (await bus.getBroker().getMetrics()).unsettled === 1, { limitMs: 1_000, what: 'the event in hand' })
  down = false
  await bus.idle()
  expect(await letters(bus)).toHaveLength(1)
})

test('a dead letter is redriven to the handler that gave it up, and to no other', async () => {
  const bus = makeBus()
  let mended = false
  const runs: string[] = []
  await bus.subscribe(
    Made,
    () => {
      runs.push('failing')
      if (!mended) throw new Error('not mended')
    },
    { name: 'failing' },
  )
  await bus.subscribe(Made, () => void runs.push('other'), { name: 'other' })
  await bus.subscribe(Made, () => void runs.push('elsewhere'), { name: 'failing', group: 'elsewhere' })
  await bus.publish(Made({ n: 1 }))
  await bus.idle()
  expect([...runs].sort()).toEqual(['elsewhere', 'failing', 'failing', 'failing', 'other'])
  expect(await bus.deadLetters.preview({})).toMatchObject({ count: 1, byHandler: { 'app/failing': 1 } })
  mended = true
  expect(await bus.deadLetters.redrive({ handler: 'failing' })).toBe(1)
  await bus.idle()
  expect(runs.slice(5)).toEqual(['failing'])
  expect(await bus.deadLetters.count()).toBe(0)
})

test('an edited dead letter is redriven as an event of its own, caused by the dead one', async () => {
  const bus = makeBus()
  const seen = recorder<ReturnType<typeof Made>>(({ data }) => {
    if (data.n < 0) throw new Reject('negative')
  })
  await bus.subscribe(Made, seen.handle, { name: 'seen' })
  const event = Made({ n: -1 })
  await bus.publish(event)
  await bus.idle()
  await bus.deadLetters.redrive({}, { edit: (data) => ({ ...(data as object), n: 1 }) })
  await bus.idle()
  expect(seen.events.map(({ data }) => data.n)).toEqual([1])
  expect(seen.events[0]?.metadata).toMatchObject({ causationId: event.eventId })
  expect(seen.events[0]?.eventId).not.toBe(event.eventId)
})

test('a redriven event whose handler has gone becomes a dead letter again, not a loss', async () => {
  const bus = makeBus()
  const failing = await bus.subscribe(Made, () => Promise.reject(new Reject('no')), { name: 'old-name' })
  await bus.subscribe(Made, () => undefined, { name: 'other' })
  await bus.publish(Made({ n: 1 }))
  await bus.idle()
  await failing.unsubscribe()
  await bus.deadLetters.redrive({})
  await bus.idle()
  expect(await letters(bus)).toMatchObject([{ handler: 'old-name', reason: 'orphaned' }])
})

describe('a bus that closes', () => {
  test('lets a handler finish, and acks its event', async () => {
    const broker = new MemoryBroker()
    const bus = makeBus({ broker })
    const gate = new Gate()
    const seen = recorder<ReturnType<typeof Made>>(() => gate.opened)
    await bus.subscribe(Made, seen.handle, { name: 'slow' })
    await bus.publish(Made({ n: 1 }))
    const closed = bus.close()
    expect(bus.close()).toBe(closed)
    await expect(bus.publish(Made({ n: 2 }))).rejects.toThrow(ClosedError)
    gate.open()
    await closed
    expect(seen.events).toHaveLength(1)
    expect(broker.getMetrics()).toMatchObject({ lag: 0, acked: 1 })
  })

  test('aborts a handler that does not finish in time, and gives its event to another bus, as a second attempt', async () => {
    const broker = new MemoryBroker()
    const first = makeBus({ broker })
    const second = makeBus({ broker })
    let reason: unknown
    await first.subscribe(
      Made,
      (_, { signal }) => new Promise<void>(() => signal.addEventListener('abort', () => (reason = signal.reason))),
      { name: 'slow' },
    )
    await first.publish(Made({ n: 1 }))
    await first.close({ timeoutMs: 20 })
    expect(reason).toBeInstanceOf(ClosedError)
    const seen = recorder<ReturnType<typeof Made>>()
    await second.subscribe(Made, seen.handle, { name: 'slow' })
    await second.start()
    await seen.waitForCount(1)
    expect(seen.runs.map(({ context }) => context.attempt)).toEqual([2])
  })

  test('refuses what comes after', async () => {
    const bus = makeBus()
    await bus.start()
    await bus.close()
    await expect(bus.start()).rejects.toThrow(ClosedError)
    await expect(bus.publish(Made({ n: 1 }))).rejects.toThrow(ClosedError)
    await expect(bus.subscribe(Made, () => undefined)).rejects.toThrow(ClosedError)
  })
})

describe('a bus that is drained', () => {
  test('lets its handlers finish, hands nothing to them any more, and publishes until it is closed', async () => {
    const broker = new MemoryBroker()
    const bus = makeBus({ broker })
    const gate = new Gate()
    const seen = recorder<ReturnType<typeof Made>>(() => gate.opened)
    await bus.subscribe(Made, seen.handle, { name: 'slow' })
    await bus.publish(Made({ n: 1 }))
    let isDrained = false
    const drained = bus.drain().then(() => (isDrained = true))
    await bus.publish(Made({ n: 2 }))
    expect(isDrained).toBe(false)
    gate.open()
    await drained
    await bus.publish(Made({ n: 3 }))
    expect(seen.events.map(({ data }) => data.n)).toEqual([1])
    expect(broker.getMetrics()).toMatchObject({ published: 3, acked: 1, lag: 2 })
    await bus.close()

    const next = makeBus({ broker })
    const rest = recorder<ReturnType<typeof Made>>()
    await next.subscribe(Made, rest.handle, { name: 'slow' })
    await next.start()
    await next.idle()
    expect(rest.events.map(({ data }) => data.n)).toEqual([2, 3])
  })

  test('begins nothing for a destination that appears later', async () => {
    const bus = makeBus()
    const seen = recorder<object>()
    await bus.subscribe('*.made', seen.handle, { name: 'all' })
    await bus.start()
    await bus.publish(Made({ n: 1 }))
    await seen.waitForCount(1)
    await bus.drain()
    await bus.publish(Followed({ n: 2 }))
    await bus.idle()
    expect(seen.runs).toHaveLength(1)
  })

  test('aborts a handler that does not finish in time, and refuses another one', async () => {
    const bus = makeBus()
    let reason: unknown
    await bus.subscribe(
      Made,
      (_, { signal }) => new Promise<void>(() => signal.addEventListener('abort', () => (reason = signal.reason))),
      { name: 'slow' },
    )
    await bus.publish(Made({ n: 1 }))
    await bus.drain({ timeoutMs: 20 })
    expect(reason).toBeInstanceOf(ClosedError)
    await expect(bus.subscribe(Made, () => undefined, { name: 'late' })).rejects.toThrow('the bus is drained')
  })

  test('answers a handler that asks for it at once', async () => {
    const bus = makeBus()
    const answered: string[] = []
    await bus.subscribe(Made, () => bus.drain().then(() => void answered.push('drained')), { name: 'last' })
    await bus.publish(Made({ n: 1 }))
    await waitFor(() => answered.length === 1, { what: 'the answer' })
    await bus.drain()
    await bus.close()
  })

  test('has nothing to wait for where it was not started', async () => {
    const bus = makeBus()
    await bus.drain()
    await bus.close()
    await bus.drain()
  })
})

describe('what cannot be sent is refused, and nothing of it is', () => {
  const cyclic: { n: number; extra?: unknown } = { n: 1 }
  cyclic.extra = cyclic

  test.each([
    ['cyclic data', () => Made(cyclic), EncodeError],
    ['a field __proto__', () => Made(JSON.parse('{"n":1,"__proto__":{"admin":true}}')), EncodeError],
    ['a number that JSON does not know', () => Made({ n: Number.NaN }), EncodeError],
    ['more than the broker takes', () => Made({ n: 1, extra: 'x'.repeat(1_100_000) }), EventTooLargeError],
  ])('%s', async (_, event, expected) => {
    const bus = makeBus()
    const seen = recorder<ReturnType<typeof Made>>()
    await bus.subscribe(Made, seen.handle, { name: 'seen' })
    await bus.start()
    await expect(bus.publish(event())).rejects.toThrow(expected)
    await expect(bus.publishBatch([Made({ n: 1 }), event()])).rejects.toThrow()
    await bus.idle()
    expect(seen.runs).toHaveLength(0)
  })
})

test('a handler can end its own subscription', async () => {
  const bus = makeBus()
  const seen: number[] = []
  const subscription = await bus.subscribe(
    Made,
    async ({ data }) => {
      seen.push(data.n)
      await subscription.unsubscribe()
    },
    { name: 'once' },
  )
  await bus.start()
  await bus.publish(Made({ n: 1 }))
  await waitFor(() => seen.length === 1, { limitMs: 1_000, what: 'the first event' })
  await subscription.unsubscribe()
  await bus.publish(Made({ n: 2 }))
  await bus.close()
  expect(seen).toEqual([1])
})

test('a paused subscription gets nothing until it is resumed, and then everything', async () => {
  const bus = makeBus()
  const seen = recorder<ReturnType<typeof Made>>()
  const subscription = await bus.subscribe(Made, seen.handle, { name: 'seen' })
  await bus.start()
  subscription.pause()
  for (let n = 0; n < 5; n++) await bus.publish(Made({ n }))
  expect(seen.runs).toHaveLength(0)
  subscription.resume()
  await bus.idle()
  expect(seen.events.map(({ data }) => data.n)).toEqual([0, 1, 2, 3, 4])
})

test('a hook that throws harms nobody, and the others are told', async () => {
  const told: string[] = []
  const bus = makeBus({
    instrumentation: [
      {
        handled: () => {
          throw new Error('broken hook')
        },
      },
      {
        handled: ({ handler, attempt }) => void told.push(`${handler} ${attempt}`),
        noSubscriber: ({ message }) => void told.push(`nobody for ${message.topic}`),
      },
    ],
  })
  await bus.subscribe(Made, () => undefined, { name: 'seen' })
  await bus.publish(Made({ n: 1 }))
  await bus.publish(defineEvent('delivery.Other', { topic: 'things.other', schema: staticSchema<object>() })({}))
  await bus.idle()
  expect(told).toEqual(['seen 1', 'nobody for things.other'])
})

/** Memory, as a broker that has no place for dead letters. */
class WithoutGraves extends MemoryBroker {
  override readonly capabilities: BrokerCapabilities = { ...new MemoryBroker().capabilities, deadLetters: 'none' }
}

test.each(['key', 'none'] as const)(
  'a broker without a place for dead letters is given none, and each is told instead (order: %s)',
  async (order) => {
    const broker = new WithoutGraves()
    const told: string[] = []
    const errors: string[] = []
    const logger = { ...silent, error: (text: string) => void errors.push(text) }
    const bus = makeBus({
      broker,
      logger,
      instrumentation: { deadLettered: ({ handler, reason }) => void told.push(`${handler} ${reason}`) },
    })
    await bus.subscribe(Made, () => Promise.reject(new Reject('Never.')), { name: 'rejecting', order, priority: 1 })
    await bus.subscribe(Made, () => Promise.reject(new Error('Not yet.')), { name: 'failing', order, priority: 2 })
    await bus.publish(Made({ n: 1 }))
    await bus.idle()
    expect(told).toEqual(['rejecting rejected', 'failing exhausted'])
    expect(errors.filter((text) => text.includes('is not kept'))).toHaveLength(2)
    expect(await broker.deadLetters.count()).toBe(0)
  },
)

test('closing begins no handler, however long the broker takes to stop', async () => {
  const stopping = new Gate()
  const running = new Gate()
  class SlowlyStopping extends MemoryBroker {
    override async subscribe(...words: Parameters<MemoryBroker['subscribe']>): Promise<Awaited<ReturnType<MemoryBroker['subscribe']>>> {
      const consumer = await super.subscribe(...words)
      const stop = consumer.stop.bind(consumer)
      return Object.assign(consumer, { stop: () => stopping.opened.then(stop) })
    }
  }
  const bus = makeBus({ broker: new SlowlyStopping() })
  const seen = recorder(() => running.opened)
  await bus.subscribe(Made, seen.handle, { name: 'seen' })
  await bus.publishBatch([Made({ n: 1 }), Made({ n: 2 }), Made({ n: 3 })])
  await seen.waitForRuns(1)
  const closed = bus.close()
  running.open()
  await waitFor(() => seen.handled.length > 0)
  await new Promise((resolve) => setImmediate(resolve))
  expect(seen.runs.length).toBe(1)
  stopping.open()
  await closed
  expect(seen.runs.length).toBe(1)
})
