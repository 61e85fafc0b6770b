import assert from 'node:assert/strict'
import { type Abortable, PublishError, type WireMessage } from '@interline/core'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { ascending, numbers, type ThingEvent, ThingMade, things } from '../contract/events.js'
import type { Room } from '../contract/room.js'
import { ForwardingBroker } from '../forwarding-broker.js'
import { recorder } from '../waiting/recorder.js'

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}

  get length(): number {
    return Math.hypot(this.x, this.y)
  }
}

async function dataIsWhatTravels(room: Room): Promise<void> {
  const bus = room.bus()
  const first = recorder<ThingEvent>(({ data }) => {
    const payload = data.payload as { list: string[]; added?: boolean }
    payload.list.push('by the first handler')
    payload.added = true
  })
  const second = recorder<ThingEvent>()
  await bus.subscribe(ThingMade, first.handle, { name: 'first', priority: 1 })
  await bus.subscribe(ThingMade, second.handle, { name: 'second', priority: 2 })
  await bus.start()
  const payload = { at: new Date(0), point: new Point(3, 4), list: ['as published'], nothing: undefined, map: { size: 1 } }
  const event = ThingMade({ n: 1, payload })
  const published = bus.publish(event)
  payload.list.push('after publishing')
  payload.map.size = 2
  await published
  payload.point = new Point(0, 0)
  await room.handled(second, 1)
  const got = second.events[0] ?? assert.fail()
  const expected = { at: '1970-01-01T00:00:00.000Z', point: { x: 3, y: 4 }, list: ['as published'], map: { size: 1 } }
  assert.deepEqual(got.data.payload, expected, 'a handler sees what was published, as JSON carries it')
  const { point } = got.data.payload as { readonly point: object }
  assert.ok(!(point instanceof Point), 'a class instance arrives as plain data')
  assert.notEqual(got.data, first.events[0]?.data, 'nothing is shared by reference')
}

/** Refuses some messages of each batch, as a server at its limits does. */
class Refusing extends ForwardingBroker {
  override async publish(messages: readonly WireMessage[], { signal }: Abortable = {}): Promise<void> {
    const refuses = (message: WireMessage): boolean => String(message.data).includes('refuse me')
    await this.inner.publish(
      messages.filter((message) => !refuses(message)),
      { signal },
    )
    const failed = messages.flatMap((message, index) => (refuses(message) ? [index] : []))
    if (failed.length > 0) throw new PublishError('The server is at its limits. Publish these again later.', { failed })
  }
}

async function failedIndexes(room: Room): Promise<void> {
  const bus = room.bus({ wrap: (broker): ForwardingBroker => new Refusing(broker) })
  const seen = recorder<ThingEvent>()
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await bus.start()
  const events = things(6).map(({ data }) => ThingMade(data.n === 2 || data.n === 5 ? { ...data, payload: 'refuse me' } : data))
  const isNamed = (error: unknown): boolean => error instanceof PublishError && error.failed?.join() === '2,5'
  await assert.rejects(async () => bus.publishBatch(events), isNamed)
  await room.handled(seen, 4)
  await room.drained(bus)
  assert.deepEqual(ascending(numbers(seen.events)), [0, 1, 3, 4], 'the others were sent')
}

async function batchOrder(room: Room): Promise<void> {
  const bus = room.bus()
  const seen = recorder<ThingEvent>()
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await bus.start()
  const count = room.count(5_000, 500)
  await bus.publishBatch(Array.from({ length: count }, (_, n) => ThingMade({ n, key: 'one' })))
  await bus.publishBatch([])
  await room.handled(seen, count)
  await room.drained(bus)
  const got = numbers(seen.events)
  assert.deepEqual(room.capabilities.order === 'none' ? ascending(got) : got, [...Array(count).keys()])
}

export const honestyCases: readonly BrokerCase[] = cases(
  { id: 'B20', title: 'batches: publishBatch names the failed indexes, and the others are sent', run: failedIndexes },
  { id: 'B20', title: 'batches: one batch arrives whole, in its order', run: batchOrder },
  {
    id: 'B34',
    title: 'memory is honest: a Date, a class instance and a mutated object arrive as text carries them',
    run: dataIsWhatTravels,
  },
)
