import { defineEvent, EventBus, type EventBusOptions, staticSchema } from '@interline/core'
import { MemoryBroker, MemoryEventStore } from '@interline/memory'
import { type TracingOptions, tracing } from '@interline/telemetry'
import { context, createContextKey, propagation, trace } from '@opentelemetry/api'
import { AlwaysOnSampler } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contextManager, tracer } from './spans.js'

const Placed = defineEvent('sampled.Placed', { topic: 'sampled.placed', schema: staticSchema<{ n: number }>() })
const Billed = defineEvent('sampled.Billed', { topic: 'bills.billed', schema: staticSchema<{ n: number }>() })
const recorded = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const leftOut = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'
const unsampledTrace = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-00$/

let manager: Disposable
beforeAll(() => {
  manager = contextManager()
})
afterAll(() => manager[Symbol.dispose]())

interface Seen {
  readonly placed: (string | undefined)[]
  readonly billed: (string | undefined)[]
}

/** A bus whose handler makes a span of its own and publishes what another handles. */
async function chain(options: TracingOptions, more: Omit<EventBusOptions, 'broker'> = {}) {
  const { provider, spans, named } = tracer()
  const bus = new EventBus({
    service: 'shop',
    broker: new MemoryBroker(),
    instrumentation: tracing({ tracerProvider: provider, ...options }),
    ...more,
  })
  const seen: Seen = { placed: [], billed: [] }
  await bus.subscribe(
    Placed,
    async ({ data, metadata }) => {
      seen.placed.push(metadata.traceparent)
      const span = provider.getTracer('app').startSpan('work')
      await context.with(trace.setSpan(context.active(), span), () => bus.publish(Billed(data)))
      span.end()
    },
    { name: 'billing' },
  )
  await bus.subscribe(Billed, ({ metadata }) => void seen.billed.push(metadata.traceparent), { name: 'mail' })
  return { bus, spans, named, seen, provider }
}

describe('a trace that is left out where it begins', () => {
  it.each([
    ['on a broker', {}],
    ['on a bus with a store', { store: new MemoryEventStore() }],
  ])('has no span in any handler, of the program neither, and ids all the same, %s', async (_, more) => {
    const { bus, spans, seen } = await chain({ sampleRatio: 0 }, more)
    await using _closed = bus
    for (let n = 0; n < 20; n++) await bus.publish(Placed({ n }))
    await bus.publishBatch([20, 21].map((n) => Placed({ n })))
    await bus.idle()
    expect(spans()).toEqual([])
    expect(seen.placed).toHaveLength(22)
    for (const traceparent of seen.placed) expect(traceparent).toMatch(unsampledTrace)
    expect(new Set(seen.placed).size).toBe(21)
    expect([...seen.billed].map((each) => each?.slice(0, 35)).sort()).toEqual(seen.placed.map((each) => each?.slice(0, 35)).sort())
  })

  it('is left out before the SDK is asked, in the handler too: a sampler that takes everything is given nothing', async () => {
    const { provider, spans } = tracer(new AlwaysOnSampler())
    const instrumentation = tracing({ tracerProvider: provider, sampleRatio: 0, settle: true })
    await using bus = new EventBus({ broker: new MemoryBroker(), instrumentation })
    await bus.subscribe(Placed, ({ data }, handling) => handling.publish(Billed(data)), { name: 'billing' })
    await bus.publish(Placed({ n: 1 }))
    await bus.idle()
    expect(spans()).toEqual([])
  })

  it('is left out as often as was asked for, and whole', async () => {
    const { bus, spans } = await chain({ sampleRatio: 0.5 })
    await using _closed = bus
    for (let n = 0; n < 400; n++) await bus.publish(Placed({ n }))
    await bus.idle()
    const traces = new Set(spans().map(({ traceId }) => traceId))
    expect(traces.size).toBeGreaterThan(120)
    expect(traces.size).toBeLessThan(280)
    for (const each of traces) {
      const own = spans().filter(({ traceId }) => traceId === each)
      expect(own.map(({ name }) => name).sort()).toEqual(['process bills', 'process sampled', 'send bills', 'send sampled', 'work'])
    }
  })
})

describe('where traces are left out, what goes on from elsewhere', () => {
  it('is recorded where its trace is, whatever the ratio', async () => {
    const { bus, named } = await chain({ sampleRatio: 0 })
    await using _closed = bus
    await bus.publish(Placed({ n: 1 }, { traceparent: recorded }))
    await bus.idle()
    expect(named('process sampled').traceId).toBe(recorded.slice(3, 35))
    expect(named('process bills').traceId).toBe(recorded.slice(3, 35))
  })

  it.each([leftOut, leftOut.replace(/00$/, '02'), `${leftOut.replace(/^00/, '01')}-more`])(
    'is not, where its trace is not: %s',
    async (traceparent) => {
      const { bus, spans, seen } = await chain({ sampleRatio: 1 })
      await using _closed = bus
      await bus.publish(Placed({ n: 1 }, { traceparent }))
      await bus.idle()
      expect(spans()).toEqual([])
      expect(seen.placed).toEqual([traceparent])
      expect(seen.billed).toEqual([expect.stringContaining(leftOut.slice(3, 35))])
    },
  )

  it('is what the span at hand is', async () => {
    const { bus, spans, seen } = await chain({ sampleRatio: 1 })
    await using _closed = bus
    const outer = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 0 }
    await context.with(trace.setSpanContext(context.active(), outer), () => bus.publish(Placed({ n: 1 })))
    await bus.idle()
    expect([spans(), seen.placed]).toEqual([[], [`00-${outer.traceId}-${outer.spanId}-00`]])
  })

  it.each(['', 'nonsense', '00-0af7651916cd43dd8448eb211c80319c+b7ad6b7169203331-01'])(
    'begins here, where it says no trace that is one: %j',
    async (traceparent) => {
      const { bus, spans } = await chain({ sampleRatio: 1 })
      await using _closed = bus
      await bus.publish(Placed({ n: 1 }, traceparent === '' ? {} : { traceparent }))
      await bus.idle()
      expect(spans().length).toBeGreaterThan(1)
      expect(spans().every(({ traceId }) => traceId !== leftOut.slice(3, 35))).toBe(true)
    },
  )

  it('begins anew for each run, where runs begin traces of their own', async () => {
    const none = await chain({ sampleRatio: 0, process: 'link' })
    await using _none = none.bus
    await none.bus.publish(Placed({ n: 1 }, { traceparent: recorded }))
    await none.bus.idle()
    expect(none.spans().filter(({ name }) => name.startsWith('process'))).toEqual([])
    const every = await chain({ sampleRatio: 1, process: 'link' })
    await using _every = every.bus
    await every.bus.publish(Placed({ n: 1 }, { traceparent: leftOut }))
    await every.bus.idle()
    expect(every.named('process sampled')).toMatchObject({ parent: undefined, links: [leftOut.slice(36, 52)] })
  })
})

it('what is put into the context of a handler is there beside its span, and what was taken out is gone', async () => {
  const { provider } = tracer()
  await using bus = new EventBus({ broker: new MemoryBroker(), instrumentation: tracing({ tracerProvider: provider }) })
  const key = createContextKey('mine')
  const found: unknown[] = []
  await bus.subscribe(
    Placed,
    () => {
      const own = trace.getActiveSpan()
      const more = propagation.setBaggage(context.active().setValue(key, 1), propagation.createBaggage({ shop: { value: 's-1' } }))
      found.push(trace.getSpan(more) === own, more.getValue(key), propagation.getBaggage(more)?.getEntry('shop')?.value)
      found.push(trace.getSpan(trace.deleteSpan(more)), trace.getSpan(trace.deleteSpan(context.active())), own?.isRecording())
    },
    { name: 'looks' },
  )
  await bus.publish(Placed({ n: 1 }))
  await bus.idle()
  expect(found).toEqual([true, 1, 's-1', undefined, undefined, true])
})

it.each([-0.1, 1.1, Number.NaN, '0.5' as unknown as number])('a ratio of %s is refused', (sampleRatio) => {
  expect(() => tracing({ sampleRatio })).toThrow(/tracing\.sampleRatio must be a number from 0 to 1/)
})
