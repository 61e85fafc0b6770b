import { ConfigurationError, type DeadLetter, defineEvent, EventBus, type EventBusOptions, staticSchema } from '@interline/core'
import { MemoryBroker, MemoryDeadLetterStore } from '@interline/memory'
import { recorder, waitFor } from '@interline/testing'
import { afterEach, expect, test } from 'vitest'

const Made = defineEvent('parked-keys.Made', { topic: 'parked.made', schema: staticSchema<{ n: number }>(), key: () => 'one' })

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const buses: EventBus[] = []
afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close({ timeoutMs: 200 })
})

const failure = { retry: { maxAttempts: 2, backoff: { type: 'fixed', delayMs: 150, jitter: 0 } } } as const

function start(options: Partial<EventBusOptions> = {}): EventBus {
  const bus = new EventBus({ service: 'parked', broker: new MemoryBroker(), logger: silent, parkAfterMs: 20, ...options })
  buses.push(bus)
  return bus
}

function made(from: number, to: number): readonly ReturnType<typeof Made>[] {
  return Array.from({ length: to - from }, (_, index) => Made({ n: from + index }))
}

test('what waits behind a parked event that dies waits behind the dead one, where order is kept, and is redriven in order', async () => {
  let broken = true
  const seen = recorder<ReturnType<typeof Made>>(({ data }) => {
    if (broken && data.n === 0) throw new Error('not this one')
  })
  const bus = start()
  await bus.subscribe(Made, seen.handle, { name: 'made', failure: { ...failure, deadLetter: { keepOrder: true } } })
  await bus.publishBatch(made(0, 5))
  await waitFor(async () => (await bus.deadLetters.count()) === 5, { what: 'one dead and four behind it' })
  await bus.publishBatch(made(5, 7))
  await waitFor(async () => (await bus.deadLetters.count()) === 7, { what: 'two more' })
  expect(seen.events).toEqual([])
  broken = false
  await bus.deadLetters.redrive({})
  await seen.waitForCount(7)
  await bus.idle()
  expect(seen.events.map(({ data }) => data.n)).toEqual([0, 1, 2, 3, 4, 5, 6])
  expect(await bus.deadLetters.count()).toBe(0)
})

test('a redriven event that has to wait long keeps its place before what waits behind it', async () => {
  let failures = 3
  const seen = recorder<ReturnType<typeof Made>>(({ data }) => {
    if (data.n === 0 && failures-- > 0) throw new Error('not yet')
  })
  const bus = start()
  await bus.subscribe(Made, seen.handle, { name: 'made', failure: { ...failure, deadLetter: { keepOrder: true } } })
  await bus.publishBatch(made(0, 4))
  await waitFor(async () => (await bus.deadLetters.count()) === 4, { what: 'one dead and three behind it' })
  await bus.deadLetters.redrive({})
  await bus.publishBatch(made(4, 6))
  await seen.waitForCount(6)
  expect(seen.events.map(({ data }) => data.n)).toEqual([0, 1, 2, 3, 4, 5])
})

test('several buses on one broker know of each other what they have parked', async () => {
  const broker = new MemoryBroker()
  const seen = recorder<ReturnType<typeof Made>>(({ data }, { attempt }) => {
    if (data.n % 10 === 0 && attempt === 1) throw new Error('later')
  })
  const members = [start({ broker }), start({ broker }), start({ broker })]
  for (const bus of members) {
    await bus.subscribe(Made, seen.handle, { name: 'made', failure })
    await bus.start()
  }
  for (let from = 0; from < 40; from += 5) {
    await members[0]?.publishBatch(made(from, from + 5))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await seen.waitForCount(40)
  expect(seen.events.map(({ data }) => data.n)).toEqual(Array.from({ length: 40 }, (_, n) => n))
})

test('an event of a handler that is gone when it is due becomes a dead letter, and so does what waits behind it', async () => {
  const broker = new MemoryBroker()
  const first = start({ broker })
  const seen = recorder<ReturnType<typeof Made>>(() => {
    throw new Error('later')
  })
  await first.subscribe(Made, seen.handle, { name: 'made', failure })
  await first.publishBatch(made(0, 3))
  await waitFor(() => broker.parking('parked', 'parked').count() === 3, { what: 'three parked' })
  await first.close()
  const second = start({ broker })
  await second.subscribe(Made, () => undefined, { name: 'another' })
  await second.start()
  await waitFor(async () => (await second.deadLetters.count()) === 3, { what: 'three dead letters' })
  const { letters } = await second.deadLetters.list()
  expect(letters.map(({ reason, handler }: DeadLetter) => `${reason} ${handler}`)).toEqual(Array(3).fill('orphaned made'))
  expect(broker.parking('parked', 'parked').count()).toBe(0)
})

test('a group that is ended leaves nothing parked for one of the same name', async () => {
  const broker = new MemoryBroker()
  const bus = start({ broker })
  const failing = recorder<ReturnType<typeof Made>>(() => {
    throw new Error('later')
  })
  await bus.subscribe(Made, failing.handle, { name: 'made', failure })
  await bus.publishBatch(made(0, 3))
  await waitFor(() => broker.parking('parked', 'parked').count() === 3, { what: 'three parked' })
  await bus.close()
  await broker.removeGroup('parked', 'parked')
  expect(broker.parking('parked', 'parked').count()).toBe(0)
})

test('a place for parked keys of the bus is used instead of the broker its own, and may not be that of dead letters', async () => {
  const broker = new MemoryBroker()
  const parking = new MemoryDeadLetterStore()
  const bus = start({ broker, parking })
  let failures = 1
  const seen = recorder<ReturnType<typeof Made>>(() => {
    if (failures-- > 0) throw new Error('later')
  })
  await bus.subscribe(Made, seen.handle, { name: 'made', failure })
  await bus.publishBatch(made(0, 3))
  await waitFor(() => parking.count() === 3, { what: 'three parked' })
  expect(broker.parking('parked', 'parked').count()).toBe(0)
  await seen.waitForCount(3)
  await bus.idle()
  expect(parking.count()).toBe(0)
  expect(() => start({ parking, deadLetters: parking })).toThrow(ConfigurationError)
})
