import { defineEvent, EventBus, type EventBusOptions, staticSchema } from '@interline/core'
import { MemoryBroker, MemoryEventStore } from '@interline/memory'
import { Gate } from '@interline/testing'
import { afterEach, expect, test } from 'vitest'

const Asked = defineEvent('waiting.Asked', { topic: 'waiting.asked', schema: staticSchema<{ n: number }>() })

const buses: EventBus[] = []

function waitingBus(options: Partial<EventBusOptions> = {}): EventBus {
  const bus = new EventBus({ broker: new MemoryBroker(), waitForHandlers: true, ...options })
  buses.push(bus)
  return bus
}

afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close({ timeoutMs: 200 })
})

test('a publish that waits for handlers waits for those of every group', async () => {
  const bus = waitingBus()
  const gate = new Gate()
  let finished = false
  await bus.subscribe(Asked, () => undefined, { name: 'quick', group: 'first' })
  await bus.subscribe(Asked, () => gate.opened.then(() => void (finished = true)), { name: 'slow', group: 'second' })
  const published = bus.publish(Asked({ n: 1 })).then(() => finished)
  setImmediate(() => gate.open())
  expect(await published).toBe(true)
})

test('a publish that waits for a paused subscription ends with the bus', async () => {
  const bus = waitingBus()
  const subscription = await bus.subscribe(Asked, () => undefined, { name: 'paused' })
  await bus.start()
  subscription.pause()
  const published = bus.publish(Asked({ n: 1 }))
  await bus.close()
  await published
})

test('a publish that waits for a paused subscription ends with the subscription', async () => {
  const bus = waitingBus()
  const subscription = await bus.subscribe(Asked, () => undefined, { name: 'paused' })
  await bus.start()
  subscription.pause()
  const published = bus.publish(Asked({ n: 1 }))
  await subscription.unsubscribe()
  await published
})

test('a publish that waits does not wait for a store whose events another bus forwards', async () => {
  const store = new MemoryEventStore()
  const [first, second] = [waitingBus({ store }), waitingBus({ store })]
  await first.start()
  await second.start()
  await Promise.all([first.publish(Asked({ n: 1 })), second.publish(Asked({ n: 2 }))])
})
