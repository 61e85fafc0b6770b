import { defineEvent, EventBus, type EventBusOptions, type Instrumentation, Reject, staticSchema } from '@interline/core'
import { MemoryBroker, MemoryEventStore } from '@interline/memory'
import { BusMetrics, type BusMetricsOptions, type Family, type HistogramValue } from '@interline/telemetry'
import { Gate, VirtualClock, waitFor } from '@interline/testing'
import { describe, expect, it } from 'vitest'

const Placed = defineEvent('counted.Placed', { topic: 'counted.placed', schema: staticSchema<{ n: number }>() })
const WalletHeld = defineEvent('counted.WalletHeld', { topic: 'wallet.escrow.held', schema: staticSchema<{ n: number }>() })
const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const retry = { maxAttempts: 2, backoff: { delayMs: 1, jitter: 0 } }

function busOf(instrumentation: Instrumentation, options: Partial<EventBusOptions> = {}): EventBus {
  return new EventBus({ service: 'shop', broker: new MemoryBroker(), logger, retry, instrumentation, ...options })
}

function pointsOf(metrics: BusMetrics, name: string): readonly { labels: object; value: number | HistogramValue }[] {
  const family = metrics.families().find(({ definition }) => definition.name === name) as Family | undefined
  return (family?.points ?? []) as readonly { labels: object; value: number | HistogramValue }[]
}

const valuesOf = (metrics: BusMetrics, name: string): readonly unknown[] => pointsOf(metrics, name).map(({ value }) => value)
const sole = { 'messaging.system': 'memory', 'messaging.destination.name': 'counted' }

describe('what a bus did', () => {
  it('is counted under the names of the conventions', async () => {
    const metrics = new BusMetrics({ settlements: true })
    await using bus = busOf(metrics)
    await bus.subscribe(Placed, () => undefined, { name: 'billing' })
    await bus.publishBatch([1, 2, 3].map((n) => Placed({ n })))
    await bus.idle()
    const sending = { ...sole, 'messaging.operation.name': 'send', 'messaging.operation.type': 'send' }
    const running = { ...sole, 'messaging.operation.name': 'process', 'messaging.operation.type': 'process' }
    const handler = { 'messaging.consumer.group.name': 'shop', 'messaging.destination.subscription.name': 'billing' }
    expect(pointsOf(metrics, 'messaging.client.sent.messages')).toEqual([{ labels: sending, value: 3 }])
    expect(pointsOf(metrics, 'messaging.client.consumed.messages')).toMatchObject([{ value: 3 }])
    expect(pointsOf(metrics, 'messaging.client.operation.duration')).toMatchObject([
      { labels: { 'messaging.operation.name': 'ack', 'messaging.operation.type': 'settle' }, value: { count: 3 } },
      { labels: sending, value: { count: 1 } },
    ])
    expect(pointsOf(metrics, 'messaging.process.duration')).toMatchObject([{ labels: { ...running, ...handler }, value: { count: 3 } }])
  })

  it('is counted under the names that dashboards of such systems know', async () => {
    const metrics = new BusMetrics()
    await using bus = busOf(metrics)
    await bus.publish(Placed({ n: 0 }))
    await bus.subscribe(Placed, ({ data }) => fail(data.n === 2), { name: 'billing' })
    const twice = Placed({ n: 1 })
    await bus.publish(twice)
    await bus.publish(twice)
    await bus.publish(Placed({ n: 2 }))
    await bus.idle()
    const counts = Object.fromEntries(
      ['EVENT_PUBLISHED', 'EVENT_DUPLICATE_DETECTED', 'EVENT_NO_SUBSCRIBERS', 'EVENT_HANDLER_SUCCESS', 'EVENT_HANDLER_ERROR']
        .concat(['events.published.total', 'events.consumed.total'])
        .map((name) => [name, valuesOf(metrics, name)[0]]),
    )
    expect(counts).toEqual({
      EVENT_PUBLISHED: 4,
      EVENT_DUPLICATE_DETECTED: 1,
      EVENT_NO_SUBSCRIBERS: 1,
      EVENT_HANDLER_SUCCESS: 1,
      EVENT_HANDLER_ERROR: 2,
      'events.published.total': 4,
      'events.consumed.total': 3,
    })
    expect(pointsOf(metrics, 'EVENT_PUBLISHED')[0]?.labels).toEqual({ type: 'counted.Placed' })
    expect(valuesOf(metrics, 'event.processing.latency')).toMatchObject([{ count: 1 }])
    expect(valuesOf(metrics, 'interline.duplicates')).toEqual([1])
    expect(valuesOf(metrics, 'interline.retries')).toEqual([1])
    expect(pointsOf(metrics, 'interline.dead_lettered')).toMatchObject([
      { labels: { 'interline.dead_letter.reason': 'exhausted' }, value: 1 },
    ])
  })

  it('tells failures by their kind, and never by their words', async () => {
    const metrics = new BusMetrics()
    const broker = new MemoryBroker()
    await using bus = busOf(metrics, { broker, retry: { maxAttempts: 1 } })
    const errors = [new TypeError('secret 1'), Object.assign(new Error('secret 2'), { code: 'ECONNRESET' }), new Reject('secret 3')]
    await bus.subscribe(Placed, ({ data }) => Promise.reject(errors[data.n]), { name: 'billing' })
    for (const n of [0, 1, 2]) await bus.publish(Placed({ n }))
    await bus.idle()
    broker.publish = () => Promise.reject(Object.assign(new Error('secret 4'), { code: 'EPIPE' }))
    await expect(bus.publish(Placed({ n: 3 }))).rejects.toThrow()
    const kinds = (name: string) => pointsOf(metrics, name).flatMap(({ labels }) => (labels as Record<string, string>)['error.type'] ?? [])
    expect(kinds('messaging.process.duration')).toEqual(['TypeError', 'ECONNRESET', 'INTERLINE_REJECT'])
    expect(kinds('messaging.client.sent.messages')).toEqual(['EPIPE'])
    expect(kinds('messaging.client.operation.duration')).toEqual(['EPIPE'])
    expect(JSON.stringify(metrics.families())).not.toContain('secret')
  })

  it("is counted under the program's own names by topic", async () => {
    const metrics = new BusMetrics({
      counters: [
        { name: 'WALLET_EVENT_PUBLISHED', counts: 'published', topic: 'wallet.>' },
        { name: 'WALLET_EVENT_PUBLISH_ERROR', counts: 'publish-failed', topic: 'wallet.>' },
      ],
    })
    const broker = new MemoryBroker()
    await using bus = busOf(metrics, { broker })
    await bus.publish(WalletHeld({ n: 1 }))
    await bus.publish(Placed({ n: 1 }))
    broker.publish = () => Promise.reject(new Error('full'))
    await expect(bus.publish(WalletHeld({ n: 2 }))).rejects.toThrow('full')
    expect([...valuesOf(metrics, 'WALLET_EVENT_PUBLISHED'), ...valuesOf(metrics, 'WALLET_EVENT_PUBLISH_ERROR')]).toEqual([1, 1])
  })

  it('does not count a redriven event as published again', async () => {
    const metrics = new BusMetrics()
    await using bus = busOf(metrics, { retry: { maxAttempts: 1 } })
    let broken = true
    await bus.subscribe(Placed, () => fail(broken), { name: 'billing' })
    await bus.publish(Placed({ n: 1 }))
    await bus.idle()
    broken = false
    await bus.deadLetters.redrive({})
    await bus.idle()
    expect([valuesOf(metrics, 'EVENT_PUBLISHED'), valuesOf(metrics, 'EVENT_HANDLER_SUCCESS')]).toEqual([[1], [1]])
    expect(valuesOf(metrics, 'messaging.client.sent.messages')).toEqual([2])
  })

  it('carries no ids, and no more series than allowed, whatever comes in', async () => {
    const metrics = new BusMetrics({ maxSeries: 20 })
    await using bus = busOf(metrics)
    await bus.subscribe('strange.>', () => undefined, { name: 'all' })
    await bus.subscribe('strange.>', () => undefined, { name: 'cache', broadcast: true })
    for (let n = 0; n < 100; n++) await bus.publish({ type: `hostile-${n}`, data: {} }, { topic: `strange.${n}` })
    await bus.idle()
    const published = pointsOf(metrics, 'EVENT_PUBLISHED')
    expect(published).toHaveLength(21)
    expect(published.reduce((sum, { value }) => sum + (value as number), 0)).toBe(100)
    expect(published.at(-1)).toEqual({ labels: { type: 'other' }, value: 80 })
    expect(JSON.stringify(metrics.families())).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}/)
  })
})

describe('what goes up and down', () => {
  it('is asked for from time to time by the clock of the bus, and reading it asks nobody', async () => {
    const clock = new VirtualClock()
    const broker = new MemoryBroker()
    const metrics = new BusMetrics({ collectEveryMs: 60_000 })
    const gate = new Gate()
    await using bus = busOf(metrics, { broker, clock, store: new MemoryEventStore() })
    await bus.subscribe(Placed, () => gate.opened, { name: 'slow' })
    await bus.start()
    await bus.publishBatch([1, 2, 3].map((n) => Placed({ n })))
    let asked = 0
    const getMetrics = broker.listGroups.bind(broker)
    broker.listGroups = () => {
      asked++
      return getMetrics()
    }
    await clock.advance(1)
    const first = asked
    expect(first).toBeGreaterThan(0)
    expect(valuesOf(metrics, 'interline.lag')).toEqual([3])
    for (let scrape = 0; scrape < 50; scrape++) metrics.families()
    expect(asked).toBe(first)
    await clock.advance(120_000)
    expect(asked).toBe(first + 2)
    expect(valuesOf(metrics, 'interline.store.size')).toEqual([3])
    expect(valuesOf(metrics, 'interline.connected')).toEqual([1])
    expect(valuesOf(metrics, 'outbox.queue.size')).toEqual([0])
    gate.open()
  })

  it('ends with the bus, and leaves no timer', async () => {
    const clock = new VirtualClock()
    const metrics = new BusMetrics()
    const bus = busOf(metrics, { clock })
    await bus.start()
    await clock.advance(20_000)
    expect(valuesOf(metrics, 'interline.connected')).toEqual([1])
    await bus.close()
    expect(valuesOf(metrics, 'interline.connected')).toEqual([])
    expect(clock.pending).toBe(0)
  })

  it('holds what the program tells beside it; one that hangs or throws is left out, and stops nothing', async () => {
    const clock = new VirtualClock()
    const gauges: BusMetricsOptions['gauges'] = {
      'interline.sagas.active': () => 7,
      'outbox.queue.size': async () => 1_200,
      hanging: () => new Promise(() => undefined),
      throwing: () => Promise.reject(new Error('no')),
    }
    const metrics = new BusMetrics({ gauges })
    await using bus = busOf(metrics, { clock })
    await bus.start()
    await clock.advance(6_000)
    expect(pointsOf(metrics, 'interline.sagas.active')).toEqual([{ labels: {}, value: 7 }])
    expect(pointsOf(metrics, 'outbox.queue.size')).toEqual([{ labels: { 'interline.component': 'program' }, value: 1_200 }])
    expect([...valuesOf(metrics, 'hanging'), ...valuesOf(metrics, 'throwing')]).toEqual([])
  })

  it('says that the broker is away while it does not answer', async () => {
    const broker = new MemoryBroker()
    const metrics = new BusMetrics()
    await using bus = busOf(metrics, { broker, health: { timeoutMs: 10 } })
    await bus.start()
    broker.health = () => new Promise(() => undefined) as never
    await waitFor(async () => (await metrics.collect()).some(({ kind, value }) => kind === 'connected' && value === 0))
    expect(valuesOf(metrics, 'interline.connected')).toEqual([0])
  })
})

function fail(wanted: boolean): void {
  if (wanted) throw new Error('failed')
}
