import { ConfigurationError, defineEvent, EventBus, Reject, staticSchema } from '@interline/core'
import { MemoryBroker } from '@interline/memory'
import { afterEach, expect, test } from 'vitest'

const Sent = defineEvent('redrive.Sent', { topic: 'redrive.sent', schema: staticSchema<{ n: number }>() })
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

const buses: EventBus[] = []

afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close({ timeoutMs: 200 })
})

/** A bus with so many dead letters, and a handler that takes an event only where `takes` says so. */
async function withDeadLetters(count: number, takes: (n: number) => boolean): Promise<EventBus> {
  const bus = new EventBus({ broker: new MemoryBroker(), logger: silent })
  buses.push(bus)
  const handle = ({ data }: { data: { n: number } }): void => {
    if (!takes(data.n)) throw new Reject('not yet')
  }
  await bus.subscribe(Sent, handle, { name: 'picky' })
  await bus.publishBatch(Array.from({ length: count }, (_, n) => Sent({ n })))
  await bus.idle()
  return bus
}

test('a redrive ends, also where everything that is redriven dies again at once', async () => {
  const bus = await withDeadLetters(250, () => false)
  expect(await bus.deadLetters.redrive({})).toBe(250)
  await bus.idle()
  expect(await bus.deadLetters.count()).toBe(250)
})

test('a redrive waits for an edit that takes its time', async () => {
  let seen = 0
  const bus = await withDeadLetters(1, (n) => (seen = n) > 0)
  await bus.deadLetters.redrive({}, { edit: () => Promise.resolve({ n: 7 }) })
  await bus.idle()
  expect(seen).toBe(7)
})

test('an edit that gives nothing is refused, and the dead letter stays', async () => {
  const bus = await withDeadLetters(1, () => false)
  await expect(bus.deadLetters.redrive({}, { edit: () => undefined })).rejects.toThrow(ConfigurationError)
  expect(await bus.deadLetters.count()).toBe(1)
})
