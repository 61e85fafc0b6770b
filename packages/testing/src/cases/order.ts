import assert from 'node:assert/strict'
import { SubscriptionError, UnsupportedFeatureError } from '@interline/core'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { numbers, OtherMade, range, type ThingEvent, ThingMade, ThingSent, things } from '../contract/events.js'
import { quickRetry, type Room } from '../contract/room.js'
import { recorder } from '../waiting/recorder.js'
import { Gate } from '../waiting/wait-for.js'

const keeps = ({ order }: { readonly order: string }): boolean => order === 'key'

async function refusesOrder(room: Room): Promise<void> {
  const bus = room.bus()
  await assert.rejects(
    async () => {
      await bus.subscribe(ThingMade, () => undefined, { name: 'ordered', order: 'key' })
      await bus.start()
    },
    (error) => error instanceof UnsupportedFeatureError,
  )
}

const refused = { title: `order: 'key' is refused`, run: refusesOrder }

async function noAckNoNext(room: Room): Promise<void> {
  const gate = new Gate()
  const seen = recorder<ThingEvent>(({ data }) => (data.key === 'slow' && data.n === 0 ? gate.opened : undefined))
  // Small windows, so that both consumers have a part of it.
  const consumers = range(room.members(2)).map(() => room.bus({ window: 8, dedup: false }))
  for (const consumer of consumers) await consumer.subscribe(ThingMade, seen.handle, { name: 'seen', order: 'key', concurrency: 4 })
  await Promise.all(consumers.map((consumer) => consumer.start()))
  const publisher = room.bus()
  const others = range(100).map((n) => ThingMade({ n: Math.floor(n / 5), key: `key-${n % 5}` }))
  const slow = range(5).map((n) => ThingMade({ n, key: 'slow' }))
  await publisher.publishBatch(others.flatMap((event, index) => (index % 20 === 0 ? [slow[index / 20] ?? event, event] : [event])))
  try {
    await seen.waitForRuns(others.length + 1, { limitMs: room.limits.gapMs })
    await room.handled(seen, others.length)
    const runsOfSlow = seen.runs.filter(({ event }) => event.data.key === 'slow').map(({ event }) => event.data.n)
    assert.deepEqual(runsOfSlow, [0], 'the next of a key must not be seen before the first is acked')
  } finally {
    gate.open()
  }
  await room.handled(seen, others.length + slow.length)
  assert.deepEqual(numbersOf(seen.events, 'slow'), range(slow.length))
  for (const index of range(5)) assert.deepEqual(numbersOf(seen.events, `key-${index}`), range(20))
}

async function orderPerKey(room: Room, failureRate: number): Promise<void> {
  const keys = 16
  const perKey = room.count(1_000, 100)
  const seen = recorder<ThingEvent>(() => {
    if (Math.random() < failureRate) throw new Error('A random failure.')
  })
  const consumers = range(room.members(3)).map(() => room.bus({ dedup: false }))
  const failure = failureRate === 0 ? {} : { failure: { retry: quickRetry(100) } }
  const options = { name: 'seen', order: 'key', concurrency: 8, ...failure } as const
  for (const consumer of consumers) await consumer.subscribe(ThingMade, seen.handle, options)
  await Promise.all(consumers.map((consumer) => consumer.start()))
  const publisher = room.bus()
  const events = things(keys * perKey, keys)
  for (let start = 0; start < events.length; start += 100) await publisher.publishBatch(events.slice(start, start + 100))
  await room.handled(seen, events.length)
  await room.drained(...consumers)
  for (const index of range(keys)) assert.deepEqual(numbersOf(seen.events, `key-${index}`), range(perKey), `the sequence of key-${index}`)
}

async function severalTypesOfOneKey(room: Room): Promise<void> {
  const bus = room.bus()
  const seen = recorder<ThingEvent>()
  await bus.subscribe([ThingMade, ThingSent], seen.handle, { name: 'seen', order: 'key' })
  await bus.start()
  const count = room.count(1_000, 100)
  const events = range(count).map((n) => (n % 2 === 0 ? ThingMade : ThingSent)({ n, key: 'one' }))
  for (const event of events) void bus.publish(event).catch(() => assert.fail('a publish was refused'))
  await room.handled(seen, count)
  assert.deepEqual(numbers(seen.events), range(count))
  assert.deepEqual([...new Set(seen.events.map(({ type }) => type))], [ThingMade.type, ThingSent.type])
}

async function orderAcrossDestinations(room: Room): Promise<void> {
  const bus = room.bus()
  await assert.rejects(
    async () => {
      await bus.subscribe([ThingMade, OtherMade], () => undefined, { name: 'across', order: 'key' })
      await bus.start()
    },
    (error) => error instanceof UnsupportedFeatureError || error instanceof SubscriptionError,
  )
}

function numbersOf(events: readonly ThingEvent[], key: string): readonly number[] {
  return numbers(events.filter(({ data }) => data.key === key))
}

export const orderCases: readonly BrokerCase[] = cases(
  {
    id: 'B05',
    title: 'no ack, no next: the next of a key waits for the first, other keys do not',
    needs: keeps,
    refused,
    run: noAckNoNext,
  },
  {
    id: 'B09',
    title: 'order per key: 16 keys over 3 consumers, each sequence exact',
    needs: keeps,
    refused,
    run: (room) => orderPerKey(room, 0),
  },
  {
    id: 'B09',
    title: 'order per key: also with 20 % random failures',
    needs: (capabilities) => keeps(capabilities) && capabilities.retry,
    run: (room) => orderPerKey(room, 0.2),
  },
  { id: 'B33', title: 'one key, several types: they arrive in publish order', needs: keeps, refused, run: severalTypesOfOneKey },
  { id: 'B33', title: 'order across destinations is refused', run: orderAcrossDestinations },
)
