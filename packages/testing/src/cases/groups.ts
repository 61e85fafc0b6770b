import assert from 'node:assert/strict'
import { UnsupportedFeatureError } from '@interline/core'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { ascending, numbers, range, type ThingEvent, ThingMade, things } from '../contract/events.js'
import { quickRetry, type Room } from '../contract/room.js'
import { recorder } from '../waiting/recorder.js'

async function eachGroupGetsAll(room: Room): Promise<void> {
  const groups = ['first', 'second', 'third']
  const recorders = groups.map(() => recorder<ThingEvent>())
  const consumers = groups.flatMap((group) => range(room.members(2)).map(() => room.bus({ service: group, dedup: false })))
  for (const [index, consumer] of consumers.entries()) {
    const seen = recorders[Math.floor(index / room.members(2))] ?? assert.fail()
    await consumer.subscribe(ThingMade, seen.handle, { name: 'seen', order: 'none' })
  }
  await Promise.all(consumers.map((consumer) => consumer.start()))
  const events = things(room.count(2_000, 200))
  await room.bus().publishBatch(events)
  for (const seen of recorders) await room.handled(seen, events.length)
  await room.drained(...consumers)
  for (const seen of recorders) assert.deepEqual(ascending(numbers(seen.events)), range(events.length), 'all, once')
}

async function offlineGroup(room: Room): Promise<void> {
  const seen = recorder<ThingEvent>()
  const before = room.bus()
  await before.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await before.start()
  await before.close()
  const events = things(100, 4)
  await room.bus({ service: 'elsewhere' }).publishBatch(events)
  const back = room.bus()
  await back.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await back.start()
  await room.handled(seen, events.length)
  await room.drained(back)
  assert.equal(new Set(seen.events.map(({ id }) => id)).size, events.length)
  assert.equal(seen.runs.length, events.length)
}

async function nothingKept(room: Room): Promise<void> {
  const seen = recorder<ThingEvent>()
  const before = room.bus()
  await before.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await before.start()
  await before.close()
  const publisher = room.bus({ service: 'elsewhere' })
  await publisher.publish(ThingMade({ n: 0 }))
  const back = room.bus()
  await back.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await back.start()
  await publisher.publish(ThingMade({ n: 1 }))
  await room.handled(seen, 1)
  await room.drained(back)
  assert.deepEqual(numbers(seen.events), [1])
}

async function history(room: Room): Promise<void> {
  const events = things(20)
  await room.bus({ service: 'publisher' }).publishBatch(events)
  const seen = recorder<ThingEvent>()
  const late = room.bus({ service: 'late' })
  await late.subscribe(ThingMade, seen.handle, { name: 'seen', from: 'beginning' })
  await late.start()
  await room.handled(seen, events.length)
  await room.drained(late)
  assert.deepEqual(ascending(numbers(seen.events)), range(20))
}

async function refusesHistory(room: Room): Promise<void> {
  const bus = room.bus()
  await assert.rejects(
    async () => {
      await bus.subscribe(ThingMade, () => undefined, { name: 'late', from: 'beginning' })
      await bus.start()
    },
    (error) => error instanceof UnsupportedFeatureError,
  )
}

async function handlersOfAGroup(room: Room): Promise<void> {
  const order: string[] = []
  const note = (name: string) => (): void => void order.push(name)
  const last = recorder<ThingEvent>(note('last'))
  const failing = recorder<ThingEvent>(() => {
    order.push('failing')
    throw new Error('Always.')
  })
  const first = recorder<ThingEvent>(note('first'))
  const elsewhere = recorder<ThingEvent>()
  const bus = room.bus()
  const failure = { retry: quickRetry(3), deadLetter: { enabled: false } }
  await bus.subscribe(ThingMade, last.handle, { name: 'last', priority: 30 })
  await bus.subscribe(ThingMade, failing.handle, { name: 'failing', priority: 20, failure })
  await bus.subscribe(ThingMade, first.handle, { name: 'first', priority: 10 })
  await bus.subscribe(ThingMade, elsewhere.handle, { name: 'elsewhere', group: 'another' })
  await bus.start()
  await bus.publish(ThingMade({ n: 1, key: 'one' }))
  await failing.waitForRuns(3, { limitMs: room.limits.gapMs })
  await room.handled(elsewhere, 1)
  await room.drained(bus)
  assert.deepEqual(order.slice(0, 3), ['first', 'failing', 'last'], 'lower priority numbers run first')
  assert.deepEqual(
    [first, last, elsewhere].map((seen) => seen.runs.length),
    [1, 1, 1],
    'only the handler that failed runs again',
  )
  assert.deepEqual(
    failing.runs.map(({ attempt }) => attempt),
    [1, 2, 3],
  )
}

async function processesCompete(room: Room): Promise<void> {
  const recorders = range(2).map(() => recorder<ThingEvent>())
  const consumers = recorders.map(() => room.bus({ dedup: false }))
  for (const [index, consumer] of consumers.entries()) {
    await consumer.subscribe(ThingMade, recorders[index]?.handle ?? assert.fail(), { name: 'seen', order: 'none', concurrency: 2 })
  }
  await Promise.all(consumers.map((consumer) => consumer.start()))
  const events = things(room.count(1_000, 200))
  await room.bus().publishBatch(events)
  const total = (): number => recorders.reduce((sum, seen) => sum + seen.handled.length, 0)
  await room.waitFor(() => total() >= events.length, { what: 'all events', progress: total })
  await room.drained(...consumers)
  assert.deepEqual(ascending(recorders.flatMap((seen) => numbers(seen.events))), range(events.length))
}

async function refusesCompeting(room: Room): Promise<void> {
  const bus = room.bus()
  await assert.rejects(
    async () => {
      await bus.subscribe(ThingMade, () => undefined, { name: 'seen', broadcast: false })
      await bus.start()
    },
    (error) => error instanceof UnsupportedFeatureError && error.message.includes('broadcast: true'),
  )
}

async function broadcast(room: Room): Promise<void> {
  const recorders = range(3).map(() => recorder<ThingEvent>())
  const consumers = recorders.map(() => room.bus())
  for (const [index, consumer] of consumers.entries()) {
    await consumer.subscribe(ThingMade, recorders[index]?.handle ?? assert.fail(), { name: 'cache', broadcast: true })
  }
  await Promise.all(consumers.map((consumer) => consumer.start()))
  const events = things(50)
  await room.bus({ service: 'publisher' }).publishBatch(events)
  for (const seen of recorders) {
    await room.handled(seen, events.length)
    assert.deepEqual(ascending(numbers(seen.events)), range(50), 'every process gets its own copy')
  }
}

async function refusesBroadcast(room: Room): Promise<void> {
  const bus = room.bus()
  await assert.rejects(
    async () => {
      await bus.subscribe(ThingMade, () => undefined, { name: 'cache', broadcast: true })
      await bus.start()
    },
    (error) => error instanceof UnsupportedFeatureError,
  )
}

export const groupCases: readonly BrokerCase[] = cases(
  { id: 'B12', title: 'groups: 3 groups each get all, once', run: eachGroupGetsAll },
  {
    id: 'B13',
    title: 'offline group: a group that exists gets what was published while nobody was there',
    needs: ({ durable, local }) => durable || local,
    refused: { title: 'offline: what is published while nobody is there is gone, and what comes after it is not', run: nothingKept },
    run: offlineGroup,
  },
  {
    id: 'B13',
    title: `history: a new group may begin at the beginning`,
    needs: ({ replay }) => replay,
    refused: { title: `history: from: 'beginning' is refused`, run: refusesHistory },
    run: history,
  },
  {
    id: 'B37',
    title: 'groups and names: three handlers by priority, and only the one that fails runs again',
    needs: ({ retry }) => retry,
    run: handlersOfAGroup,
  },
  {
    id: 'B37',
    title: 'groups and names: two processes of a group compete',
    needs: ({ groups }) => groups !== false,
    refused: { title: 'groups and names: competing for events is refused', run: refusesCompeting },
    run: processesCompete,
  },
  {
    id: 'B37',
    title: 'groups and names: broadcast reaches every process',
    needs: (capabilities) => capabilities.broadcast,
    refused: { title: 'groups and names: broadcast is refused', run: refusesBroadcast },
    run: broadcast,
  },
)
