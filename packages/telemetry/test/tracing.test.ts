import { defineEvent, EventBus, type EventBusOptions, Reject, staticSchema } from '@interline/core'
import { MemoryBroker, MemoryEventStore } from '@interline/memory'
import { tracing } from '@interline/telemetry'
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AlwaysOffSampler, ParentBasedSampler } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contextManager, tracer } from './spans.js'

const Placed = defineEvent('traced.Placed', { topic: 'traced.placed', schema: staticSchema<{ n: number }>(), key: () => 'k-1' })
const Billed = defineEvent('traced.Billed', { topic: 'bills.billed', schema: staticSchema<{ n: number }>() })
const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const begun = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'vendor=1' }

let manager: Disposable
beforeAll(() => {
  manager = contextManager()
})
afterAll(() => manager[Symbol.dispose]())

function busOf(options: Omit<EventBusOptions, 'broker'>, retry = { maxAttempts: 2, backoff: { delayMs: 1, jitter: 0 } }): EventBus {
  return new EventBus({ service: 'shop', broker: new MemoryBroker(), logger, retry, ...options })
}

describe('one event', () => {
  it('has a producer span of which the handler is a child and to which it links, and so has what the handler publishes', async () => {
    const { provider, spans, named } = tracer()
    await using bus = busOf({ instrumentation: tracing({ tracerProvider: provider }) })
    await bus.subscribe(
      Placed,
      async ({ data }) => {
        await Promise.resolve()
        await provider.getTracer('app').startActiveSpan('work', async (span) => {
          await bus.publish(Billed(data))
          span.end()
        })
      },
      { name: 'billing' },
    )
    await bus.subscribe(Billed, () => undefined, { name: 'mail' })
    await bus.publish(Placed({ n: 1 }, { correlationId: 'request-1' }))
    await bus.idle()
    const [send, process, work, sendBill, mail] = ['send traced', 'process traced', 'work', 'send bills', 'process bills'].map(named)
    expect(new Set(spans().map(({ traceId }) => traceId)).size).toBe(1)
    expect([send?.parent, process?.parent, work?.parent, sendBill?.parent, mail?.parent]).toEqual([
      undefined,
      send?.spanId,
      process?.spanId,
      work?.spanId,
      sendBill?.spanId,
    ])
    expect([send?.links, process?.links, mail?.links]).toEqual([[], [send?.spanId], [sendBill?.spanId]])
    expect([send?.kind, process?.kind, sendBill?.kind]).toEqual([SpanKind.PRODUCER, SpanKind.CONSUMER, SpanKind.PRODUCER])
  })

  it('has the attributes of the conventions', async () => {
    const { provider, named } = tracer()
    await using bus = busOf({ instrumentation: tracing({ tracerProvider: provider, attributes: { 'server.address': 'here' } }) })
    const event = Placed({ n: 1 }, { correlationId: 'request-1' })
    await bus.subscribe(Placed, () => undefined, { name: 'billing' })
    await bus.publish(event)
    await bus.idle()
    const message = {
      'server.address': 'here',
      'messaging.system': 'memory',
      'messaging.destination.name': 'traced',
      'messaging.message.id': event.eventId,
      'messaging.message.conversation_id': 'request-1',
      'cloudevents.event_id': event.eventId,
      'cloudevents.event_source': 'shop',
      'cloudevents.event_spec_version': '1.0',
      'cloudevents.event_type': 'traced.Placed',
    }
    expect(named('send traced').attributes).toEqual({
      ...message,
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
    })
    expect(named('process traced').attributes).toEqual({
      ...message,
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.consumer.group.name': 'shop',
      'messaging.destination.subscription.name': 'billing',
      'interline.attempt': 1,
      'interline.outcome': 'handled',
    })
  })

  it('published within a span is a child of that, also without a context manager within a handler', async () => {
    const { provider, named } = tracer()
    await using bus = busOf({ instrumentation: tracing({ tracerProvider: provider }) })
    await bus.start()
    await provider.getTracer('app').startActiveSpan('request', async (span) => {
      await bus.publish(Placed({ n: 1 }))
      span.end()
    })
    expect(named('send traced').parent).toBe(named('request').spanId)
    context.disable()
    try {
      const other = tracer()
      await using plain = busOf({ instrumentation: tracing({ tracerProvider: other.provider }) })
      await plain.subscribe(Placed, ({ data }, { publish: _, ...rest }) => plain.publish(Billed(data)).then(() => void rest), {
        name: 'billing',
      })
      await plain.publish(Placed({ n: 1 }))
      await plain.idle()
      expect(other.named('send bills').parent).toBe(other.named('process traced').spanId)
    } finally {
      manager = contextManager()
    }
  })

  it('that carries a trace of its own is sent by a client span that links to it, and keeps it for the handler', async () => {
    const { provider, named } = tracer()
    await using bus = busOf({ instrumentation: tracing({ tracerProvider: provider }) })
    const states: unknown[] = []
    await bus.subscribe(Placed, ({ metadata }) => void states.push(metadata.tracestate), { name: 'billing' })
    await bus.publish(Placed({ n: 1 }, begun))
    await bus.idle()
    const [, , spanId = ''] = begun.traceparent.split('-')
    expect(named('send traced')).toMatchObject({ kind: SpanKind.CLIENT, links: [spanId], parent: undefined })
    expect(named('process traced')).toMatchObject({ links: [spanId], parent: spanId, traceId: begun.traceparent.slice(3, 35) })
    expect(states).toEqual(['vendor=1'])
  })

  it('links to where it came from but begins a trace of its own, where that is asked for', async () => {
    const { provider, named } = tracer()
    await using bus = busOf({ instrumentation: tracing({ tracerProvider: provider, process: 'link' }) })
    await bus.subscribe(Placed, () => undefined, { name: 'billing' })
    await bus.publish(Placed({ n: 1 }))
    await bus.idle()
    expect(named('process traced')).toMatchObject({ parent: undefined, links: [named('send traced').spanId] })
    expect(named('process traced').traceId).not.toBe(named('send traced').traceId)
  })
})

it('a batch is one producer span with the number of its messages, and a parent of every handler', async () => {
  const { provider, spans, named } = tracer()
  await using bus = busOf({ instrumentation: tracing({ tracerProvider: provider }) })
  await bus.subscribe(Placed, () => undefined, { name: 'billing' })
  await bus.publishBatch([1, 2, 3].map((n) => Placed({ n })))
  await bus.idle()
  const send = named('send traced')
  expect(send).toMatchObject({ kind: SpanKind.PRODUCER, attributes: { 'messaging.batch.message_count': 3 } })
  expect(send.attributes).not.toHaveProperty('messaging.message.id')
  expect(spans().filter(({ parent }) => parent === send.spanId)).toHaveLength(3)
})

it('a batch over several destinations names none of them, and one that carries other traces links to each', async () => {
  const { provider, named } = tracer()
  await using bus = busOf({ instrumentation: tracing({ tracerProvider: provider }) })
  const elsewhere = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01' }
  await bus.publishBatch([Placed({ n: 1 }, begun), Billed({ n: 2 }, elsewhere), Billed({ n: 3 })])
  expect(named('send')).toMatchObject({ kind: SpanKind.PRODUCER, links: ['b7ad6b7169203331', '00f067aa0ba902b7'] })
  expect(named('send').attributes).not.toHaveProperty('messaging.destination.name')
})

it('with a store, what is published creates a message, and what forwards it sends it with a link to that', async () => {
  const { provider, named } = tracer()
  await using bus = busOf({ instrumentation: tracing({ tracerProvider: provider }), store: new MemoryEventStore() })
  await bus.subscribe(Placed, () => undefined, { name: 'billing' })
  await bus.publish(Placed({ n: 1 }))
  await bus.idle()
  const create = named('create traced')
  expect(create).toMatchObject({ kind: SpanKind.PRODUCER, attributes: { 'messaging.operation.type': 'create' } })
  expect(named('send traced')).toMatchObject({ kind: SpanKind.CLIENT, links: [create.spanId], parent: create.spanId })
  expect(named('process traced')).toMatchObject({ links: [create.spanId], traceId: create.traceId })
})

it('a failed run is an error with its type and what became of the event, each attempt a span of its own', async () => {
  const { provider, spans } = tracer()
  await using bus = busOf({ instrumentation: tracing({ tracerProvider: provider, settle: true }) })
  const fail = (_: unknown, { attempt }: { attempt: number }) => {
    throw attempt === 1 ? new TypeError('no such thing') : new Reject('never')
  }
  await bus.subscribe(Placed, fail, { name: 'billing' })
  await bus.publish(Placed({ n: 1 }))
  await bus.idle()
  const [first, second] = spans().filter(({ name }) => name === 'process traced')
  expect(first).toMatchObject({
    status: { code: SpanStatusCode.ERROR, message: 'no such thing' },
    attributes: { 'error.type': 'TypeError', 'interline.outcome': 'retry', 'interline.attempt': 1 },
  })
  expect(second).toMatchObject({
    status: { code: SpanStatusCode.ERROR },
    attributes: { 'error.type': 'INTERLINE_REJECT', 'interline.outcome': 'dead', 'interline.dead_letter.reason': 'rejected' },
  })
  const settled = spans().filter(({ attributes }) => attributes['messaging.operation.type'] === 'settle')
  expect(settled.map(({ name, kind }) => [name, kind])).toEqual([['dead-letter traced', SpanKind.CLIENT]])
})

it('a failed publish is an error', async () => {
  const { provider, named } = tracer()
  const broker = new MemoryBroker()
  await using bus = new EventBus({ broker, instrumentation: tracing({ tracerProvider: provider }) })
  await bus.start()
  broker.publish = () => Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNRESET' }))
  await expect(bus.publish(Placed({ n: 1 }))).rejects.toThrow('gone')
  expect(named('send traced')).toMatchObject({ status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'ECONNRESET' } })
})

it('a broadcast names its group without what names this process', async () => {
  const { provider, named } = tracer()
  await using bus = busOf({ instrumentation: tracing({ tracerProvider: provider }) })
  await bus.subscribe(Placed, () => undefined, { name: 'cache', broadcast: true })
  await bus.publish(Placed({ n: 1 }))
  await bus.idle()
  expect(named('process traced').attributes['messaging.consumer.group.name']).toBe('shop')
})

it('what is not sampled makes no span anywhere, and says so in the message', async () => {
  const { provider, spans } = tracer(new ParentBasedSampler({ root: new AlwaysOffSampler() }))
  await using bus = busOf({ instrumentation: tracing({ tracerProvider: provider }) })
  const traces: (string | undefined)[] = []
  await bus.subscribe(Placed, ({ metadata }) => void traces.push(metadata.traceparent), { name: 'billing' })
  await bus.publish(Placed({ n: 1 }))
  await bus.idle()
  expect(spans()).toEqual([])
  expect(traces).toEqual([expect.stringMatching(/-00$/)])
})

it('without an SDK, what an event carries goes on as it is', async () => {
  await using bus = busOf({ instrumentation: tracing() })
  const traces: (string | undefined)[] = []
  await bus.subscribe(Placed, ({ data }, context) => context.publish(Billed(data)), { name: 'billing' })
  await bus.subscribe(Billed, ({ metadata }) => void traces.push(metadata.traceparent), { name: 'mail' })
  await bus.publish(Placed({ n: 1 }, begun))
  await bus.publish(Placed({ n: 2 }))
  await bus.idle()
  expect(traces).toEqual([begun.traceparent, undefined])
  expect(trace.getActiveSpan()).toBeUndefined()
})
