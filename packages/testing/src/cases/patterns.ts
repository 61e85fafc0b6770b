import assert from 'node:assert/strict'
import { topic, UnsupportedFeatureError } from '@interline/core'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { ascending, numbers, OtherMade, range, type ThingEvent, ThingMade, ThingSent, thingEvent } from '../contract/events.js'
import type { Room } from '../contract/room.js'
import { recorder } from '../waiting/recorder.js'

const ThingPartSent = thingEvent('interline.test.ThingPartSent', 'things.part.sent')
const LateMade = thingEvent('interline.test.LateMade', 'late.made')
const discoveryLimitMs = 5_000

async function withinADestination(room: Room): Promise<void> {
  const bus = room.bus()
  const oneLevel = recorder<ThingEvent>()
  const rest = recorder<ThingEvent>()
  await bus.subscribe(topic<ThingEvent>('things.*'), oneLevel.handle, { name: 'one-level' })
  await bus.subscribe(topic<ThingEvent>('things.>'), rest.handle, { name: 'rest' })
  await bus.start()
  await bus.publishBatch([ThingMade({ n: 0 }), ThingSent({ n: 1 }), ThingPartSent({ n: 2 }), OtherMade({ n: 3 })])
  await room.handled(rest, 3)
  await room.handled(oneLevel, 2)
  await room.drained(bus)
  assert.deepEqual(ascending(numbers(oneLevel.events)), [0, 1])
  assert.deepEqual(ascending(numbers(rest.events)), [0, 1, 2])
}

async function overDestinations(room: Room): Promise<void> {
  const publisher = room.bus({ service: 'publisher' })
  await publisher.publish(ThingMade({ n: -1 }))
  const consumer = room.bus()
  const made = recorder<ThingEvent>()
  const everything = recorder<ThingEvent>()
  await consumer.subscribe(topic<ThingEvent>('*.made'), made.handle, { name: 'made', order: 'none' })
  await consumer.subscribe(topic<ThingEvent>('>'), everything.handle, { name: 'everything', order: 'none' })
  await consumer.start()
  await publisher.publishBatch([ThingMade({ n: 0 }), ThingSent({ n: 1 })])
  await room.handled(made, 1)
  await room.handled(everything, 2)
  // A destination that nobody has used yet.
  let n = 100
  const appeared = performance.now()
  await publisher.publish(LateMade({ n }))
  await room.waitFor(
    async () => {
      if (made.events.some(({ type }) => type === LateMade.type)) return true
      n += 1
      await publisher.publish(LateMade({ n }))
      return false
    },
    { what: 'events of the new destination', limitMs: discoveryLimitMs },
  )
  assert.ok(performance.now() - appeared <= discoveryLimitMs)
  const seenN = made.events.filter(({ type }) => type !== LateMade.type).map(({ data }) => data.n)
  assert.deepEqual(seenN, [0])
}

async function refusesOpenPattern(room: Room): Promise<void> {
  const bus = room.bus()
  await assert.rejects(
    async () => {
      await bus.subscribe(topic('*.made'), () => undefined, { name: 'open' })
      await bus.start()
    },
    (error) => error instanceof UnsupportedFeatureError,
  )
}

async function unknownTypes(room: Room): Promise<void> {
  const bus = room.bus()
  const seen = recorder<ThingEvent>()
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await bus.start()
  await bus.publishBatch(range(10).map((n) => (n % 2 === 0 ? ThingMade : ThingPartSent)({ n })))
  await room.handled(seen, 5)
  await room.drained(bus)
  assert.deepEqual(ascending(numbers(seen.events)), [0, 2, 4, 6, 8], 'what nobody wants is acked')
}

export const patternCases: readonly BrokerCase[] = cases(
  { id: 'B18', title: 'patterns: * is one level and > is the rest', run: withinADestination },
  {
    id: 'B18',
    title: 'patterns: existing destinations are seen, and one created afterwards within 5 s',
    needs: (capabilities) => capabilities.patterns,
    refused: { title: 'patterns: one that leaves the destination open is refused', run: refusesOpenPattern },
    run: overDestinations,
  },
  { id: 'B18', title: 'patterns: types that a subscription does not want do not pile up', run: unknownTypes },
)
