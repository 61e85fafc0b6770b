import assert from 'node:assert/strict'
import { type BrokerCapabilities, ClosedError } from '@interline/core'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { ascending, numbers, range, type ThingEvent, ThingMade, things } from '../contract/events.js'
import type { Room } from '../contract/room.js'
import { recorder } from '../waiting/recorder.js'
import { Gate, within } from '../waiting/wait-for.js'

async function leaveAndComeBack(room: Room): Promise<void> {
  const publisher = room.bus()
  const seen = recorder<ThingEvent>()
  const batch = room.count(1_000, 100)
  const events = things(5 * batch, 8)
  for (const index of range(5)) {
    const consumer = room.bus()
    await consumer.subscribe(ThingMade, seen.handle, { name: 'seen' })
    await consumer.start()
    await publisher.publishBatch(events.slice(index * batch, (index + 1) * batch))
    // It leaves in the middle of its work; what it did not finish is for the next.
    await room.handled(seen, index * batch + Math.ceil(batch / 2))
    await consumer.close()
  }
  const last = room.bus()
  await last.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await last.start()
  await room.handled(seen, events.length)
  await room.drained(last)
  const ids = seen.events.map(({ id }) => id)
  assert.equal(new Set(ids).size, events.length, 'the union of what they saw is complete')
  assert.equal(ids.length, events.length, 'and nothing was handled by two of them')
}

async function closing(room: Room): Promise<void> {
  await Promise.all(
    range(10).map(async (index) => {
      const bus = room.bus({ service: `leaving-${index}` })
      await bus.subscribe(ThingMade, () => undefined, { name: 'gone' })
      await bus.start()
      await bus.close()
    }),
  )
  const bus = room.bus()
  const seen = recorder<ThingEvent>()
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await bus.start()
  await bus.publishBatch(things(50))
  await room.handled(seen, 50)
  const first = bus.close()
  assert.equal(bus.close(), first, 'closing twice gives one promise')
  await first
  await assert.rejects(
    async () => bus.publish(ThingMade({ n: 51 })),
    (error) => error instanceof ClosedError,
  )
}

async function publisherCloses(room: Room): Promise<void> {
  const consumer = room.bus()
  const seen = recorder<ThingEvent>()
  await consumer.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await consumer.start()
  const publisher = room.bus()
  await publisher.start()
  const events = things(room.count(10_000, 1_000))
  const accepted: number[] = []
  const refused: number[] = []
  let begun = 0
  let closed: Promise<void> | undefined
  const publishers = range(20).map(async () => {
    for (let event = events[begun++]; event !== undefined; event = events[begun++]) {
      const { n } = event.data
      if (n === events.length / 2) closed = publisher.close()
      const answer = Promise.resolve().then(() => publisher.publish(event as ThingEvent))
      await answer.then(
        () => accepted.push(n),
        () => refused.push(n),
      )
    }
  })
  await within(Promise.all(publishers), room.limits.caseMs, 'every publish')
  await closed
  assert.equal(accepted.length + refused.length, events.length, 'every publish has an answer')
  assert.ok(refused.length > 0, 'after the close they are refused')
  await room.handled(seen, accepted.length)
  await room.drained(consumer)
  const got = new Set(numbers(seen.events))
  assert.deepEqual(
    accepted.filter((n) => !got.has(n)),
    [],
    'every resolved publish arrives',
  )
}

async function drains(room: Room): Promise<void> {
  const gate = new Gate()
  const first = recorder<ThingEvent>(() => gate.opened)
  const leaving = room.bus()
  await leaving.subscribe(ThingMade, first.handle, { name: 'seen', concurrency: 4, order: 'none' })
  await leaving.start()
  const events = things(50)
  await room.bus().publishBatch(events)
  await first.waitForRuns(4, { limitMs: room.limits.gapMs })
  const closed = leaving.close({ timeoutMs: room.limits.gapMs })
  let hasClosed = false
  const whenClosed = closed.then(() => {
    hasClosed = true
  })
  const second = recorder<ThingEvent>()
  const staying = room.bus()
  await staying.subscribe(ThingMade, second.handle, { name: 'seen', order: 'none' })
  await staying.start()
  const late = ThingMade({ n: 1_000 })
  await staying.publish(late)
  await second.waitForCount(1, { limitMs: room.limits.gapMs })
  assert.equal(hasClosed, false, 'close waits for the handlers that run')
  assert.equal(first.runs.length, 4, 'and starts no others')
  gate.open()
  await whenClosed
  assert.equal(first.handled.length, 4)
  await room.handled(second, events.length + 1 - 4)
  await room.drained(staying)
  assert.deepEqual(ascending([...numbers(first.events), ...numbers(second.events)]), [...range(50), 1_000], 'each was handled once')
}

async function drainsAlone(room: Room): Promise<void> {
  const gate = new Gate()
  const seen = recorder<ThingEvent>(() => gate.opened)
  const leaving = room.bus()
  await leaving.subscribe(ThingMade, seen.handle, { name: 'seen', concurrency: 4, order: 'none' })
  await leaving.start()
  await room.bus().publishBatch(things(50))
  await seen.waitForRuns(4, { limitMs: room.limits.gapMs })
  let hasClosed = false
  const closed = leaving.close({ timeoutMs: room.limits.gapMs }).then(() => {
    hasClosed = true
  })
  const staying = room.bus()
  const later = recorder<ThingEvent>()
  await staying.subscribe(ThingMade, later.handle, { name: 'seen' })
  await staying.start()
  await staying.publish(ThingMade({ n: 1_000 }))
  await room.handled(later, 1)
  assert.equal(hasClosed, false, 'close waits for the handlers that run')
  gate.open()
  await closed
  assert.equal(seen.handled.length, 4, 'and starts no others')
}

async function deadline(room: Room): Promise<void> {
  let aborted = 0
  const stuck = recorder<ThingEvent>(
    (_event, { signal }) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => {
          aborted += 1
          reject(new Error('Aborted.'))
        }),
      ),
  )
  const leaving = room.bus()
  await leaving.subscribe(ThingMade, stuck.handle, { name: 'seen' })
  await leaving.start()
  await leaving.publishBatch(things(3, 3))
  await stuck.waitForRuns(3, { limitMs: room.limits.gapMs })
  await within(leaving.close({ timeoutMs: 100 }), room.limits.gapMs, 'close')
  assert.equal(aborted, 3, 'past the deadline the handlers are aborted')
  const seen = recorder<ThingEvent>()
  const staying = room.bus()
  await staying.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await staying.start()
  await room.handled(seen, 3)
  assert.equal(new Set(seen.events.map(({ id }) => id)).size, 3, 'what was not finished goes to another consumer')
}

/** What one process leaves, another has: by the same broker in memory, or by one that keeps it. */
const handsOn = ({ durable, local, groups }: BrokerCapabilities): boolean => (durable || local) && groups !== false

export const lifecycleCases: readonly BrokerCase[] = cases(
  {
    id: 'B06',
    title: 'leave and come back: 5 subscribers one after the other see all of it together',
    needs: handsOn,
    run: leaveAndComeBack,
  },
  { id: 'B07', title: 'close: 10 at once, then 50 received; twice gives one promise, and publish is refused after it', run: closing },
  { id: 'B10', title: 'publisher closes mid-flight: what resolved arrives, the rest is rejected, none hangs', run: publisherCloses },
  {
    id: 'B22',
    title: 'drain: close waits for running handlers, takes no new ones, and leaves the rest to another',
    needs: handsOn,
    refused: { title: 'drain: close waits for running handlers, and takes no new ones', run: drainsAlone },
    run: drains,
  },
  { id: 'B22', title: 'drain: past the deadline handlers are aborted and their events given back', needs: handsOn, run: deadline },
)
