import assert from 'node:assert/strict'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { ascending, numbers, range, type ThingEvent, ThingMade, thingEvent, things } from '../contract/events.js'
import type { Room } from '../contract/room.js'
import { recorder } from '../waiting/recorder.js'

/** Data that codecs and clients get wrong, and what must arrive for it. */
function difficultData(): readonly { readonly sent: unknown; readonly received: unknown }[] {
  let deep: unknown = 'bottom'
  for (let level = 0; level < 100; level += 1) deep = { deep }
  const same = [
    'Zażółć gęślą jaźń 漢字 👩‍👩‍👧 \u0000 \u2028 "\\',
    '',
    {},
    [],
    null,
    deep,
    'x'.repeat(200_000),
    { '': 1, 'a.b': [null, true, -0.5, 1e21] },
    Number.MAX_SAFE_INTEGER,
  ]
  return [
    ...same.map((value) => ({ sent: value, received: value })),
    { sent: { at: new Date(86_400_000) }, received: { at: '1970-01-02T00:00:00.000Z' } },
    { sent: { total: 12_345_678_901_234_567_890n }, received: { total: '12345678901234567890' } },
  ]
}

async function publishAndCompare(room: Room): Promise<void> {
  const bus = room.bus()
  const seen = recorder<ThingEvent>()
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await bus.start()
  const difficult = difficultData()
  const events = range(room.count(1_000, 100)).map((n) =>
    ThingMade(
      { n, key: `key-${n % 7}`, payload: difficult[n % difficult.length]?.sent },
      {
        correlationId: `correlation ${n} ä`,
        causationId: `cause-${n}`,
        userId: 'user-1',
        tenantId: 'tenant-1',
        idempotencyKey: `once-${n}`,
        aggregateId: `aggregate-${n}`,
        aggregateType: 'Thing',
        timestamp: new Date(Date.UTC(2024, 1, 29, 12, 0, 0, n % 1_000)),
      },
    ),
  )
  await Promise.all(events.map((event) => bus.publish(event)))
  await room.handled(seen, events.length)
  await room.drained(bus)
  const byId = new Map(seen.events.map((event) => [event.id, event]))
  assert.equal(seen.runs.length, events.length, 'each is handled once')
  for (const event of events) {
    const got = byId.get(event.id)
    assert.ok(got !== undefined, `event ${event.data.n} never came, or under another id`)
    assert.equal(got.type, event.type)
    assert.equal(got.version, event.version)
    assert.deepEqual(got.data, { ...event.data, payload: difficult[event.data.n % difficult.length]?.received })
    assert.deepEqual(plain(got.metadata), plain(event.metadata))
  }
}

function plain(metadata: object): object {
  return JSON.parse(JSON.stringify(metadata)) as object
}

async function manyPublishersAndSubscribers(room: Room): Promise<void> {
  const seen = recorder<ThingEvent>()
  const consumers = range(room.members(10)).map(() => room.bus({ dedup: false }))
  for (const consumer of consumers) await consumer.subscribe(ThingMade, seen.handle, { name: 'seen', order: 'none' })
  await Promise.all(consumers.map((consumer) => consumer.start()))
  const publisher = room.bus()
  const events = [...things(room.count(5_000, 500))]
  const waiting = [...events]
  await Promise.all(
    range(50).map(async () => {
      for (let event = waiting.pop(); event !== undefined; event = waiting.pop()) await publisher.publish(event)
    }),
  )
  await room.handled(seen, events.length)
  await room.drained(...consumers)
  assert.deepEqual(ascending(numbers(seen.events)), range(events.length), 'all, and none twice')
}

async function topicsStayApart(room: Room): Promise<void> {
  const bus = room.bus()
  const each = room.count(100, 20)
  const kinds = range(20).map((index) => thingEvent(`interline.test.Topic${index}`, `topic${index}.made`))
  const recorders = kinds.map(() => recorder<ThingEvent>())
  for (const [index, kind] of kinds.entries())
    await bus.subscribe(kind, recorders[index]?.handle ?? assert.fail(), { name: `seen-${index}` })
  await bus.start()
  await Promise.all(kinds.flatMap((kind) => things(each, 0, kind)).map((event) => bus.publish(event)))
  for (const [index, kind] of kinds.entries()) {
    const seen = recorders[index] ?? assert.fail()
    await room.handled(seen, each)
    await room.drained(bus)
    assert.deepEqual(ascending(numbers(seen.events)), range(each))
    assert.ok(seen.events.every(({ type }) => type === kind.type))
    assert.ok(seen.runs.every(({ context }) => context.topic === kind.topic))
  }
}

export const publishCases: readonly BrokerCase[] = cases(
  { id: 'B01', title: 'publish, subscribe: what was published arrives, equal in id, data and metadata', run: publishAndCompare },
  {
    id: 'B02',
    title: 'concurrent: 50 publishers and 10 subscribers of one group, all received and none twice',
    run: manyPublishersAndSubscribers,
  },
  { id: 'B03', title: 'topics: of 20 topics, each subscription gets exactly its own', run: topicsStayApart },
)
