import { ConfigurationError, defineEvent, EventBus, type EventBusOptions, staticSchema } from '@interline/core'
import { MemoryBroker, MemoryEventStore } from '@interline/memory'
import { recorder, waitFor } from '@interline/testing'
import { afterEach, expect, test } from 'vitest'

const Made = defineEvent('store.Made', { topic: 'stored.made', schema: staticSchema<{ n: number }>(), key: ({ n }) => `key-${n % 3}` })

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const buses: EventBus[] = []

function makeBus(options: Partial<EventBusOptions>): EventBus {
  const bus = new EventBus({ broker: new MemoryBroker(), logger: silent, ...options })
  buses.push(bus)
  return bus
}

function numbersOf(events: readonly { data: { n: number } }[]): readonly number[] {
  return events.map(({ data }) => data.n)
}

afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close({ timeoutMs: 200 })
})

test('what is published is in the store, in the stream of its key, and reaches the handlers once, in order', async () => {
  const store = new MemoryEventStore()
  const bus = makeBus({ store })
  const seen = recorder<ReturnType<typeof Made>>()
  await bus.subscribe(Made, seen.handle, { name: 'seen', concurrency: 1 })
  const numbers = Array.from({ length: 50 }, (_, n) => n)
  for (const n of numbers) await bus.publish(Made({ n }))
  await bus.idle()
  expect(numbersOf(seen.events)).toEqual(numbers)
  const stored: string[] = []
  for await (const { stream, version } of store.readStream('key-1')) stored.push(`${stream} ${version}`)
  expect(stored).toEqual(Array.from({ length: 17 }, (_, index) => `key-1 ${index + 1}`))
})

test('what was appended before the first start is history, and is not forwarded', async () => {
  const store = new MemoryEventStore()
  const first = makeBus({ store, service: 'first' })
  await first.publish(Made({ n: 1 }))
  const broker = new MemoryBroker()
  const second = makeBus({ store, broker, service: 'second' })
  const seen = recorder<ReturnType<typeof Made>>()
  await second.subscribe(Made, seen.handle, { name: 'seen' })
  await second.start()
  await second.publish(Made({ n: 2 }))
  await second.idle()
  expect(numbersOf(seen.events)).toEqual([2])
})

test('of two processes of a service one forwards, and the other goes on from where it stopped', async () => {
  const store = new MemoryEventStore()
  const broker = new MemoryBroker()
  const [first, second] = [makeBus({ store, broker }), makeBus({ store, broker })]
  const seen = recorder<ReturnType<typeof Made>>()
  await second.subscribe(Made, seen.handle, { name: 'seen', concurrency: 1 })
  await first.start()
  await second.start()
  for (let n = 0; n < 20; n++) await (n % 2 === 0 ? first : second).publish(Made({ n }))
  await waitFor(() => seen.events.length === 20, { limitMs: 5_000, what: 'the first twenty' })
  await first.close()
  for (let n = 20; n < 40; n++) await second.publish(Made({ n }))
  await waitFor(() => seen.events.length === 40, { limitMs: 20_000, what: 'what was published after the forwarder closed' })
  expect(numbersOf(seen.events)).toEqual(Array.from({ length: 40 }, (_, n) => n))
  expect(broker.getMetrics().published).toBe(40)
})

test('an event that is due later waits with the broker, not in the way of others', async () => {
  const bus = makeBus({ store: new MemoryEventStore() })
  const seen = recorder<ReturnType<typeof Made>>()
  await bus.subscribe(Made, seen.handle, { name: 'seen', concurrency: 1 })
  await bus.publish(Made({ n: 1 }), { delayMs: 50 })
  await bus.publish(Made({ n: 2 }))
  await bus.idle()
  expect(numbersOf(seen.events)).toEqual([2, 1])
  expect(Object.keys(seen.events[1] ?? {})).not.toContain('deliverat')
})

test('publish waits for first attempts also behind a store, where that was asked for', async () => {
  const bus = makeBus({ store: new MemoryEventStore(), waitForHandlers: true })
  const seen = recorder<ReturnType<typeof Made>>()
  await bus.subscribe(Made, seen.handle, { name: 'seen' })
  await bus.publish(Made({ n: 1 }))
  expect(seen.runs).toHaveLength(1)
})

test('what is too large is refused before it is stored', async () => {
  const store = new MemoryEventStore()
  const bus = makeBus({ store, broker: new MemoryBroker({ maxMessageBytes: 500 }) })
  const Large = defineEvent('store.Large', { topic: 'stored.large', schema: staticSchema<{ text: string }>() })
  await expect(bus.publish(Large({ text: 'x'.repeat(600) }))).rejects.toThrow('500')
  for await (const _ of store.readAll()) expect.unreachable('nothing was stored')
})

test('events by reference can not be stored, and that is said', () => {
  expect(() => makeBus({ store: new MemoryEventStore(), codec: 'reference' })).toThrow(ConfigurationError)
})
