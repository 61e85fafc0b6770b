import { defineEvent, EventBus, type Gauge, type Instrumentation, staticSchema, type WatchedBus } from '@interline/core'
import { MemoryBroker, MemoryEventStore } from '@interline/memory'
import { Gate } from '@interline/testing'
import { expect, it } from 'vitest'

const Placed = defineEvent('asked.Placed', { topic: 'asked.placed', schema: staticSchema<{ n: number }>() })
const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

it('a bus is well only while it is open', async () => {
  const bus = new EventBus({ broker: new MemoryBroker() })
  expect(await bus.health()).toMatchObject({
    status: 'fail',
    checks: { 'bus:state': [{ output: expect.stringContaining('not started') }] },
  })
  await bus.start()
  expect(await bus.health()).toMatchObject({ status: 'pass' })
  const closed = bus.close()
  expect(await bus.health()).toMatchObject({ status: 'fail', checks: { 'bus:state': [{ observedValue: 'closing' }] } })
  await closed
})

it('lag and dead letters warn, and name how many there are', async () => {
  const gate = new Gate()
  await using bus = new EventBus({ broker: new MemoryBroker(), logger, retry: { maxAttempts: 1 }, window: 1, health: { maxLag: 2 } })
  const handle = async ({ data }: { data: { n: number } }): Promise<void> => {
    await gate.opened
    if (data.n === 0) throw new Error('dead')
  }
  await bus.subscribe(Placed, handle, { name: 'slow' })
  for (let n = 0; n < 5; n++) await bus.publish(Placed({ n }))
  expect(await bus.health()).toMatchObject({ status: 'warn', checks: { 'memory:lag': [{ status: 'warn', observedValue: 5 }] } })
  gate.open()
  await bus.idle()
  expect(await bus.health()).toMatchObject({
    status: 'warn',
    checks: { 'memory:lag': [{ status: 'pass', observedValue: 0 }], 'memory:dead-letters': [{ status: 'warn', observedValue: 1 }] },
  })
})

it('a broker that does not answer has failed, and one that throws too', async () => {
  const broker = new MemoryBroker()
  await using bus = new EventBus({ broker, health: { timeoutMs: 20 } })
  await bus.start()
  broker.health = () => new Promise(() => undefined) as never
  broker.getMetrics = () => {
    throw new Error('lost')
  }
  const { status, checks } = await bus.health()
  expect(status).toBe('fail')
  expect(checks['memory:connection']).toMatchObject([{ status: 'fail', output: expect.stringContaining('20 ms') }])
  expect(checks['memory:lag']).toMatchObject([{ status: 'warn', output: 'lost' }])
})

it('whoever watches is told when a bus opens and closes, and may ask for what goes up and down', async () => {
  const seen: string[] = []
  let watched: WatchedBus | undefined
  const instrumentation: Instrumentation = {
    started: (bus) => {
      watched = bus
      seen.push('started')
    },
    closing: (bus) => void seen.push(bus === watched ? 'closing' : 'another'),
  }
  const gate = new Gate()
  const bus = new EventBus({ service: 'shop', broker: new MemoryBroker(), store: new MemoryEventStore(), instrumentation })
  await bus.subscribe(Placed, () => gate.opened, { name: 'slow' })
  await bus.start()
  await bus.publishBatch([1, 2, 3].map((n) => Placed({ n })))
  await expect.poll(() => gaugeOf(watched, 'lag')).toBe(3)
  const gauges = (await watched?.gauges()) ?? []
  expect(gauges).toContainEqual({ kind: 'lag', component: 'memory', group: 'shop', destination: 'asked', value: 3 } satisfies Gauge)
  expect(gauges).toContainEqual({ kind: 'connected', component: 'memory', value: 1 })
  expect(gauges).toContainEqual({ kind: 'dead-letters', component: 'memory', value: 0 })
  expect(gauges).toContainEqual({ kind: 'stored', component: 'memory', value: 3 })
  expect(gauges).toContainEqual({ kind: 'unforwarded', component: 'memory', value: 0 })
  gate.open()
  await bus.close()
  expect(seen).toEqual(['started', 'closing'])
  expect(await watched?.gauges()).toEqual([])
})

async function gaugeOf(bus: WatchedBus | undefined, kind: Gauge['kind']): Promise<number | undefined> {
  return (await bus?.gauges())?.find((gauge) => gauge.kind === kind)?.value
}

it('a store that does not count its events is as large as it says it is, about', async () => {
  class Uncounted extends MemoryEventStore {
    override health() {
      return { status: 'pass', observedValue: 7, observedUnit: 'newest position' } as const
    }
  }
  let watched: WatchedBus | undefined
  const instrumentation: Instrumentation = { started: (bus) => void (watched = bus) }
  await using bus = new EventBus({ broker: new MemoryBroker(), store: new Uncounted(), instrumentation })
  await bus.publishBatch([1, 2].map((n) => Placed({ n })))
  expect(await watched?.gauges()).toContainEqual({ kind: 'stored', component: 'memory', value: 2 })
})
