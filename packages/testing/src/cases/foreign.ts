import assert from 'node:assert/strict'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { numbers, range, type ThingEvent, ThingMade } from '../contract/events.js'
import type { Room } from '../contract/room.js'
import { recorder } from '../waiting/recorder.js'

async function readsForeign(room: Room): Promise<void> {
  const raw = room.options.raw ?? assert.fail()
  const bus = room.bus()
  const seen = recorder<ThingEvent>()
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await bus.start()
  // The destination exists, as a foreign writer finds it.
  await bus.publish(ThingMade({ n: 0 }))
  const plain = { specversion: '1.0', type: ThingMade.type, source: '/elsewhere/sensor', id: 'foreign-1' }
  await raw.write(room.namespace, 'things', {
    attributes: { ...plain, time: '2024-02-29T12:00:00Z', datacontenttype: 'application/json' },
    data: '{"n":1,"payload":"aus Köln"}',
  })
  const structured = { ...plain, id: 'foreign-2', data: { n: 2 } }
  await raw.write(room.namespace, 'things', {
    attributes: { datacontenttype: 'application/cloudevents+json' },
    data: JSON.stringify(structured),
  })
  await room.handled(seen, 3)
  await room.drained(bus)
  const [first, second] = [1, 2].map((n) => seen.events.find(({ data }) => data.n === n) ?? assert.fail(`event ${n} never came`))
  assert.equal(first?.id, 'foreign-1')
  assert.equal(first?.metadata.source, '/elsewhere/sensor')
  assert.equal(first?.timestamp.toISOString(), '2024-02-29T12:00:00.000Z')
  assert.deepEqual(first?.data, { n: 1, payload: 'aus Köln' })
  assert.equal(second?.id, 'foreign-2', 'structured mode is read, too')
}

async function writesForForeigners(room: Room): Promise<void> {
  const raw = room.options.raw ?? assert.fail()
  const bus = room.bus()
  await raw.listen?.(room.namespace, 'things')
  const events = range(3).map((n) =>
    ThingMade({ n, key: 'one', payload: 'żółw' }, { correlationId: `correlation-${n}`, timestamp: new Date(n) }),
  )
  await bus.publishBatch(events)
  const stored = await raw.read(room.namespace, 'things')
  assert.equal(stored.length, events.length)
  for (const [index, event] of events.entries()) {
    const { attributes, data } = stored[index] ?? assert.fail()
    assert.deepEqual(JSON.parse(Buffer.from(data).toString('utf8')), event.data)
    const expected = {
      id: event.id,
      source: 'suite',
      specversion: '1.0',
      type: ThingMade.type,
      time: event.timestamp.toISOString(),
      datacontenttype: 'application/json',
      partitionkey: 'one',
      correlationid: `correlation-${index}`,
    }
    assert.deepEqual({ ...attributes, ...expected }, { ...attributes }, 'the attributes of the standard')
    for (const name of Object.keys(attributes)) assert.match(name, /^[a-z0-9]{1,20}$/, `"${name}" is no name of a CloudEvents attribute`)
  }
  assert.deepEqual(
    numbers(events),
    stored.map(({ data }) => (JSON.parse(Buffer.from(data).toString('utf8')) as { readonly n: number }).n),
  )
}

export const foreignCases: readonly BrokerCase[] = cases(
  { id: 'B26', title: 'foreign clients: a plain CloudEvents message of the raw driver is handled', hooks: ['raw'], run: readsForeign },
  { id: 'B26', title: 'foreign clients: one of ours is read by the raw driver', hooks: ['raw'], run: writesForForeigners },
)
