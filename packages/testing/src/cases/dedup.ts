import assert from 'node:assert/strict'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { ascending, numbers, range, type ThingEvent, ThingMade, ThingSent, things } from '../contract/events.js'
import { quickRetry, type Room } from '../contract/room.js'
import { recorder } from '../waiting/recorder.js'
import { Gate } from '../waiting/wait-for.js'

async function sameId(room: Room): Promise<void> {
  const bus = room.bus()
  const seen = recorder<ThingEvent>()
  const second = recorder<ThingEvent>()
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await bus.subscribe(ThingMade, second.handle, { name: 'second' })
  await bus.start()
  const events = things(20)
  for (const _time of range(3)) await bus.publishBatch(events)
  const last = ThingMade({ n: 20 })
  await bus.publish(last)
  await room.handled(seen, 21)
  await room.handled(second, 21)
  await room.drained(bus)
  assert.deepEqual(ascending(numbers(seen.events)), range(21), 'once for each (group, name)')
  assert.deepEqual(ascending(numbers(second.events)), range(21), 'the other name, too')
}

async function sameIdempotencyKey(room: Room): Promise<void> {
  const bus = room.bus()
  const seen = recorder<ThingEvent>()
  await bus.subscribe([ThingMade, ThingSent], seen.handle, { name: 'seen' })
  await bus.start()
  const once = { idempotencyKey: 'only-once' }
  await bus.publish(ThingMade({ n: 0, key: 'one' }, once))
  await bus.publish(ThingMade({ n: 1, key: 'one' }, once))
  await bus.publish(ThingSent({ n: 2, key: 'one' }, once))
  await bus.publish(ThingMade({ n: 3, key: 'one' }))
  await room.handled(seen, 3)
  await room.drained(bus)
  assert.deepEqual(ascending(numbers(seen.events)), [0, 2, 3], 'the same key on another type runs')
}

async function failedIsNotSeen(room: Room): Promise<void> {
  const bus = room.bus()
  let fails = true
  const seen = recorder<ThingEvent>(() => {
    if (fails) throw new Error('Fails for good.')
  })
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen', failure: { retry: quickRetry(2), deadLetter: { enabled: false } } })
  await bus.start()
  const event = ThingMade({ n: 1 }, { idempotencyKey: 'key-1' })
  await bus.publish(event)
  await seen.waitForRuns(2, { limitMs: room.limits.gapMs })
  await room.drained(bus)
  fails = false
  await bus.publish(event)
  await room.handled(seen, 1)
  await bus.publish(event)
  await room.drained(bus)
  assert.equal(seen.runs.length, 3, 'a failed event may come again, one that was handled may not')
}

async function atTheSameTime(room: Room): Promise<void> {
  const gate = new Gate()
  const seen = recorder<ThingEvent>(({ data }) => (data.n === 0 ? gate.opened : undefined))
  const consumers = room.capabilities.dedup === 'group' ? [room.bus(), room.bus()] : [room.bus()]
  for (const consumer of consumers) await consumer.subscribe(ThingMade, seen.handle, { name: 'seen', order: 'none' })
  await Promise.all(consumers.map((consumer) => consumer.start()))
  const publisher = consumers[0] ?? assert.fail()
  // Two events of one operation, and others that show when both were given out.
  await publisher.publishBatch([0, 0, 0].map((n) => ThingMade({ n }, { idempotencyKey: 'operation-1' })))
  await publisher.publishBatch(range(20).map((n) => ThingMade({ n: n + 1 })))
  await seen.waitForCount(20, { limitMs: room.limits.gapMs })
  await seen.waitForRuns(21, { limitMs: room.limits.gapMs })
  assert.equal(seen.running, 1, 'two at the same time do not run together')
  gate.open()
  await room.handled(seen, 21)
  await room.drained(...consumers)
  assert.equal(seen.runs.length, 21, 'and the second finds that the first was handled')
}

export const dedupCases: readonly BrokerCase[] = cases(
  { id: 'B19', title: 'dedup: the same source and id runs once for each handler', run: sameId },
  { id: 'B19', title: 'dedup: the same idempotency key runs once for a type, and again for another', run: sameIdempotencyKey },
  { id: 'B19', title: 'dedup: a failed event is not marked as seen', needs: ({ retry }) => retry, run: failedIsNotSeen },
  { id: 'B19', title: 'dedup: two at the same time run one after the other', run: atTheSameTime },
)
