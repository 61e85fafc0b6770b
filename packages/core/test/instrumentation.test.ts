import {
  currentDelivery,
  defineEvent,
  EventBus,
  HybridEventBus,
  type Instrumentation,
  RetryLater,
  type SendingEvent,
  staticSchema,
  type Trace,
} from '@interline/core'
import { MemoryBroker, MemoryEventStore } from '@interline/memory'
import { expect, it, vi } from 'vitest'

const Placed = defineEvent('watched.Placed', { topic: 'watched.placed', schema: staticSchema<{ n: number }>() })
const Followed = defineEvent('watched.Followed', { topic: 'watched.followed', schema: staticSchema<{ n: number }>() })
const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const retry = { maxAttempts: 2, backoff: { delayMs: 1, jitter: 0 } }

const traceOf = (number: number): Trace => ({ traceparent: `00-${'a'.repeat(32)}-${String(number).padStart(16, '0')}-01` })

/** Gives each sending a trace of its own, from 1, and each run of a handler one, from 101. */
function watcher() {
  const seen: unknown[] = []
  let sent = 0
  let run = 100
  const instrumentation: Instrumentation = {
    sending({ way, broker, events, destinations, cause }: SendingEvent) {
      const trace = traceOf(++sent)
      const number = sent
      seen.push(['sending', number, way, broker, events.map(({ type }) => type), destinations, cause?.traceparent.slice(36, 52)])
      return { trace, ended: ({ error }) => seen.push(['sent', number, error?.message]) }
    },
    handling({ handler, attempt, metadata }) {
      const trace = traceOf(++run)
      seen.push(['handling', handler, attempt, metadata.traceparent?.slice(36, 52)])
      return { trace, ended: (outcome) => seen.push(['handled', handler, attempt, outcome.kind]) }
    },
  }
  return { seen, instrumentation }
}

const sixteen = (number: number): string => String(number).padStart(16, '0')

it('a publish, the run of a handler and what that publishes are watched from begin to end, each with the trace of what it came from', async () => {
  const { seen, instrumentation } = watcher()
  await using bus = new EventBus({ broker: new MemoryBroker(), instrumentation, logger, retry })
  await bus.subscribe(Placed, ({ data }, context) => context.publish(Followed(data)), { name: 'first' })
  await bus.subscribe(Followed, ({ metadata }) => void seen.push(['followed', metadata.traceparent?.slice(36, 52)]), { name: 'second' })
  await bus.publish(Placed({ n: 1 }))
  await bus.idle()
  expect(seen).toEqual(
    expect.arrayContaining([
      ['sending', 1, 'publish', 'memory', ['watched.Placed'], ['watched'], undefined],
      ['handling', 'first', 1, sixteen(1)],
      ['sending', 2, 'publish', 'memory', ['watched.Followed'], ['watched'], sixteen(101)],
      ['handling', 'second', 1, sixteen(2)],
      ['followed', sixteen(2)],
      ['handled', 'first', 1, 'handled'],
      ['handled', 'second', 1, 'handled'],
      ['sent', 1, undefined],
      ['sent', 2, undefined],
    ]),
  )
})

it('without a trace of its own, what a handler publishes goes on with that of the handled event', async () => {
  const traces: (string | undefined)[] = []
  await using bus = new EventBus({ broker: new MemoryBroker(), instrumentation: { sending: () => ({ ended: () => undefined }) } })
  await bus.subscribe(Placed, ({ data }, context) => context.publish(Followed(data)), { name: 'first' })
  await bus.subscribe(Followed, ({ metadata }) => void traces.push(metadata.traceparent), { name: 'second' })
  await bus.publish(Placed({ n: 1 }, traceOf(7)))
  await bus.idle()
  expect(traces).toEqual([traceOf(7).traceparent])
})

it('a trace that an event was given stays, and so does that of its first publish', async () => {
  const { instrumentation } = watcher()
  const traces: (string | undefined)[] = []
  await using bus = new EventBus({ broker: new MemoryBroker(), instrumentation, dedup: false })
  await bus.subscribe(Placed, ({ metadata }) => void traces.push(metadata.traceparent), { name: 'only' })
  const again = Placed({ n: 2 })
  await bus.publish(Placed({ n: 1 }, traceOf(7)))
  await bus.publish(again)
  await bus.publish(again)
  await bus.idle()
  expect(traces).toEqual([traceOf(7), traceOf(2), traceOf(2)].map(({ traceparent }) => traceparent))
})

it('the end of a run says what becomes of the event', async () => {
  const { seen, instrumentation } = watcher()
  await using bus = new EventBus({ broker: new MemoryBroker(), instrumentation, logger, retry })
  const fail = ({ data }: { data: { n: number } }) => {
    if (data.n === 1) throw new RetryLater({ afterMs: 1 })
    throw new Error('never')
  }
  await bus.subscribe(Placed, fail, { name: 'failing' })
  await bus.publish(Placed({ n: 2 }))
  await bus.idle()
  expect(seen.filter((entry) => (entry as unknown[])[0] === 'handled')).toEqual([
    ['handled', 'failing', 1, 'retry'],
    ['handled', 'failing', 2, 'dead'],
  ])
})

it('with a store, the append and the forwarding are two things, of which the second knows the trace of the first', async () => {
  const { seen, instrumentation } = watcher()
  const forwarded: (string | undefined)[] = []
  const also: Instrumentation = {
    sending: ({ way, events }) => void (way === 'forward' && forwarded.push(...events.map(({ metadata }) => metadata.traceparent))),
  }
  const store = new MemoryEventStore()
  await using bus = new EventBus({ broker: new MemoryBroker(), store, instrumentation: [instrumentation, also], logger })
  await bus.subscribe(Placed, () => undefined, { name: 'only' })
  await bus.publish(Placed({ n: 1 }))
  await bus.idle()
  expect(seen).toEqual(
    expect.arrayContaining([
      ['sending', 1, 'append', 'memory', ['watched.Placed'], ['watched'], undefined],
      ['sending', 2, 'forward', 'memory', ['watched.Placed'], ['watched'], undefined],
      ['handling', 'only', 1, sixteen(1)],
    ]),
  )
  expect(forwarded).toEqual([traceOf(1).traceparent])
})

it('a hybrid bus says which broker will carry an event, and asks its strategy once', async () => {
  const { seen, instrumentation } = watcher()
  const route = vi.fn(({ type }: { type: string }) => (type === 'watched.Placed' ? 'local' : 'remote') as 'local' | 'remote')
  const remoteBroker = Object.assign(new MemoryBroker(), { name: 'far' })
  await using bus = new HybridEventBus({ localBroker: new MemoryBroker(), remoteBroker, routingStrategy: { route }, instrumentation })
  await bus.publish(Placed({ n: 1 }))
  await bus.publish(Followed({ n: 1 }))
  expect(seen.filter((entry) => (entry as unknown[])[0] === 'sending').map((entry) => (entry as unknown[])[3])).toEqual(['memory', 'far'])
  expect(route).toHaveBeenCalledTimes(2)
})

it('a failed publish ends its watch with the error, and rejects as ever', async () => {
  const { seen, instrumentation } = watcher()
  const broker = new MemoryBroker()
  broker.publish = () => Promise.reject(new Error('no room'))
  await using bus = new EventBus({ broker, instrumentation })
  await expect(bus.publish(Placed({ n: 1 }))).rejects.toThrow('no room')
  expect(seen.at(-1)).toEqual(['sent', 1, 'no room'])
})

it('an instrumentation whose every hook throws harms no event', async () => {
  const broken = new Proxy({}, { get: () => () => thrower(), has: () => true }) as Instrumentation
  const handled: number[] = []
  await using bus = new EventBus({ broker: new MemoryBroker(), instrumentation: broken, logger, retry })
  await bus.subscribe(Placed, ({ data }, { attempt }) => (attempt === 1 ? thrower() : void handled.push(data.n)), { name: 'only' })
  await bus.publish(Placed({ n: 1 }))
  await bus.publishBatch([Placed({ n: 2 }), Placed({ n: 3 })])
  await bus.idle()
  expect(new Set(handled)).toEqual(new Set([1, 2, 3]))
})

it('what is settled is told with how the broker took it, and an event that nobody consumes is told as such', async () => {
  const told: unknown[] = []
  const instrumentation: Instrumentation = {
    settled: ({ operation, inTime }) => void told.push([operation, inTime]),
    noSubscriber: ({ group }) => void told.push(['nobody', group]),
  }
  await using bus = new EventBus({ broker: new MemoryBroker(), instrumentation, logger, retry: { maxAttempts: 1 } })
  await bus.publish(Placed({ n: 0 }))
  await bus.subscribe(Placed, ({ data }) => (data.n === 2 ? thrower() : undefined), { name: 'only' })
  await bus.publish(Placed({ n: 1 }))
  await bus.publish(Placed({ n: 2 }))
  await bus.idle()
  expect(told).toEqual([
    ['nobody', undefined],
    ['ack', true],
    ['dead-letter', true],
  ])
})

it('what is being handled is known anywhere below the handler, and nowhere else', async () => {
  const seen: unknown[] = []
  await using bus = new EventBus({ service: 'shop', broker: new MemoryBroker() })
  const look = async (): Promise<void> => {
    await Promise.resolve()
    const { metadata, handler, group, attempt } = currentDelivery() ?? {}
    seen.push([metadata?.correlationId, handler, group, attempt])
  }
  await bus.subscribe(Placed, look, { name: 'looking' })
  await bus.publish(Placed({ n: 1 }, { correlationId: 'request-1' }))
  await bus.idle()
  expect(seen).toEqual([['request-1', 'looking', 'shop', 1]])
  expect(currentDelivery()).toBeUndefined()
})

function thrower(): never {
  throw new Error('broken')
}
