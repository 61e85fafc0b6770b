import assert from 'node:assert/strict'
import type { WireMessage } from '@interline/core'
import type { ProcessOptions } from '../contract/broker-options.js'
import { ascending, OtherMade, range, type ThingEvent, ThingMade, things } from '../contract/events.js'
import type { StoreCase, StoreRoom } from '../stores/store-suite.js'
import { waitFor } from '../waiting/wait-for.js'
import { Arrivals, firstArrivals, recordingOutlet } from './recording-outlet.js'
import { RelayProcess } from './relay-process.js'
import type { TestedOutbox } from './tested-outbox.js'

type Room = StoreRoom<TestedOutbox>

const keys = 16

/** Adds events in transactions of a few, several at a time; those of one key by one of them, so that their order is defined. */
async function addAll({ transaction }: Pick<TestedOutbox, 'transaction'>, events: readonly ThingEvent[]): Promise<void> {
  const adders = range(4).map(async (adder) => {
    const own = events.filter(({ data }) => Number((data.key ?? '').slice(4)) % 4 === adder)
    for (let first = 0; first < own.length; first += 25) await transaction(({ add }) => add(own.slice(first, first + 25)))
  })
  await Promise.all(adders)
}

function checkOrder(arrivals: Arrivals, events: readonly ThingEvent[]): void {
  const each = events.length / keys
  for (const [key, numbers] of firstArrivals(arrivals.all)) {
    assert.deepEqual(numbers, range(each), `the events of ${key.replace('\n', ', key ')} come in the order in which they were added`)
  }
  assert.equal(firstArrivals(arrivals.all).size, keys, 'every key arrives')
}

/** O01 */
async function bothOrNeither(room: Room): Promise<void> {
  const count = room.count(1_000, 200)
  const store = await room.store()
  const arrivals = new Arrivals()
  await store.outbox.start(recordingOutlet(arrivals))
  const refused = new Error('rolled back on purpose')
  await Promise.all(
    range(4).map(async (writer) => {
      for (const n of range(count).filter((each) => each % 4 === writer)) {
        const work = store.transaction(async ({ add, write }) => {
          const before = Math.random() < 0.5
          if (before) await write(`row-${n}`)
          await add([ThingMade({ n, key: `key-${n % keys}` })])
          if (!before) await write(`row-${n}`)
          if (Math.random() < 0.4) throw refused
        })
        await work.catch((error: unknown) => assert.equal(error, refused))
      }
    }),
  )
  const rows = await store.rows()
  assert.ok(rows.length > 0 && rows.length < count, 'some were committed, and some were rolled back')
  await waitFor(() => arrivals.all.length >= rows.length, {
    what: 'all events',
    progress: () => arrivals.all.length,
    limitMs: room.limits.gapMs,
  })
  await store.outbox.passed()
  const numbers = ascending(arrivals.all.map(({ n }) => n))
  assert.deepEqual(numbers, ascending(rows.map((row) => Number(row.slice(4)))), 'an event for each row that is there, and for no other')
  assert.equal((await store.state()).size, 0)
}

/** O02 */
function killed({ module, args = [] }: ProcessOptions): (room: Room) => Promise<void> {
  return async (room) => {
    const kills = room.count(20, 5)
    const events = things(keys * room.count(625, 125), keys)
    const store = await room.store()
    const arrivals = new Arrivals()
    const relays: RelayProcess[] = []
    const orders = { module: module.toString(), args, namespace: room.namespace }
    const start = (): void => void relays.push(new RelayProcess(orders, (arrived) => arrivals.all.push(...arrived)))
    start()
    start()
    try {
      const adding = addAll(store, events)
      for (const kill of range(kills)) {
        // Somewhere within the next stretch of its work.
        const seen = arrivals.all.length + Math.floor((Math.random() * events.length) / kills)
        await waitFor(() => arrivals.all.length >= Math.min(seen, events.length), {
          what: `arrivals before kill ${kill + 1}`,
          progress: () => arrivals.all.length,
          limitMs: 15_000,
        })
        await relays.shift()?.kill()
        start()
      }
      await adding
      const distinct = (): number => new Set(arrivals.all.map(({ id }) => id)).size
      await waitFor(() => distinct() === events.length, { what: 'all events', progress: distinct, limitMs: 15_000 }).catch(
        (error: unknown) => {
          throw new Error(`${String(error)} ${relays.map(({ errors }) => errors).join(' ')}`)
        },
      )
      const numbersOfId = new Map(arrivals.all.map(({ id, n, key }) => [id, `${key}:${n}`]))
      assert.ok(
        arrivals.all.every(({ id, n, key }) => numbersOfId.get(id) === `${key}:${n}`),
        'a duplicate carries the same id',
      )
      checkOrder(arrivals, events)
      await waitFor(async () => (await store.state()).size === 0, { what: 'an empty outbox', limitMs: 15_000 })
    } finally {
      await Promise.all(relays.map((relay) => relay.kill()))
    }
  }
}

/** O03 */
async function sharedWork(room: Room): Promise<void> {
  const events = things(keys * room.count(250, 50), keys)
  const arrivals = new Arrivals()
  const stores = await Promise.all(range(5).map(() => room.store()))
  const [adder, first, ...others] = stores as [TestedOutbox, TestedOutbox, ...TestedOutbox[]]
  const begin = ({ outbox }: TestedOutbox): unknown => outbox.start(recordingOutlet(arrivals, { publishMs: 2 }))
  await begin(first)
  const adding = addAll(adder, events)
  // They come while the first is at work, and one leaves.
  for (const other of others) await begin(other)
  await waitFor(() => arrivals.all.length > events.length / 4, { what: 'a quarter of the events', limitMs: room.limits.gapMs })
  await first.outbox.stop()
  await adding
  await waitFor(() => arrivals.all.length >= events.length, { what: 'all events', progress: () => arrivals.all.length, limitMs: 15_000 })
  await Promise.all(others.map(({ outbox }) => outbox.passed()))
  assert.deepEqual(arrivals.shared, [], 'no event is with two relays at a time')
  assert.equal(arrivals.all.length, events.length, 'without a fault every event is published once')
  checkOrder(arrivals, events)
}

/** O05 */
async function oneFails(room: Room): Promise<void> {
  const store = await room.store()
  const arrivals = new Arrivals()
  let broken = true
  const refuses = ({ destination }: WireMessage): string | undefined =>
    broken && destination === 'others' ? 'no such destination' : undefined
  await store.outbox.start(recordingOutlet(arrivals, { refuses }))
  const count = room.count(500, 50)
  const began = performance.now()
  for (const n of range(count)) {
    await store.transaction(({ add }) => add([OtherMade({ n, key: `key-${n % 4}` }), ThingMade({ n, key: `key-${n % 4}` })]))
  }
  await waitFor(() => arrivals.all.length >= count, { what: 'what is for the other destination', limitMs: room.limits.gapMs })
  assert.ok(arrivals.all.every(({ destination }) => destination === 'things'))
  assert.deepEqual(
    arrivals.all.filter(({ key }) => key === 'key-1').map(({ n }) => n),
    range(count).filter((n) => n % 4 === 1),
  )
  // What was sent leaves the table a moment after it arrived.
  await waitFor(async () => (await store.state()).size === count, { what: 'a count of what is not sent', limitMs: room.limits.gapMs })
  const state = await store.state()
  const elapsed = performance.now() - began
  assert.ok(state.oldestAgeMs > 0 && state.oldestAgeMs <= elapsed + 1_000, `the oldest has waited ${state.oldestAgeMs} ms of ${elapsed}`)
  assert.ok(state.lagMs >= 0 && state.lagMs < elapsed + 1_000)
  assert.notEqual((await store.outbox.health()).status, 'pass', 'health says so')
  broken = false
  await waitFor(() => arrivals.all.length >= 2 * count, {
    what: 'what had waited',
    progress: () => arrivals.all.length,
    limitMs: room.limits.gapMs,
  })
  for (const key of range(4)) {
    const numbers = arrivals.all.filter((each) => each.destination === 'others' && each.key === `key-${key}`).map(({ n }) => n)
    assert.deepEqual(
      numbers,
      range(count).filter((n) => n % 4 === key),
      'in order, after the destination is back',
    )
  }
  await waitFor(async () => (await store.state()).size === 0, { what: 'an empty outbox', limitMs: room.limits.gapMs })
  assert.equal((await store.state()).oldestAgeMs, 0)
}

/** O06 */
async function oneEventFails(room: Room): Promise<void> {
  const store = await room.store()
  const arrivals = new Arrivals()
  let attempts = 0
  const refuses = (message: WireMessage): string | undefined => {
    if (message.key !== 'key-1' || !message.data.toString().includes('"n":3')) return undefined
    attempts++
    return 'not this one'
  }
  await store.outbox.start(recordingOutlet(arrivals, { refuses }))
  await store.transaction(({ add }) => add(range(20).flatMap((n) => range(4).map((key) => ThingMade({ n, key: `key-${key}` })))))
  await waitFor(() => attempts > 0, { what: 'the first failure', limitMs: room.limits.gapMs })
  // Also what comes later waits behind it.
  await store.transaction(({ add }) => add(range(10).map((n) => ThingMade({ n: n + 20, key: 'key-1' }))))
  // An attempt counts where the destination takes others meanwhile.
  let others = 20
  const isDead = async (): Promise<boolean> => {
    await store.transaction(({ add }) => add([ThingMade({ n: others++, key: 'key-0' })]))
    return (await store.state()).dead === 1
  }
  await waitFor(isDead, { what: 'a dead event', limitMs: 30_000 })
  await waitFor(() => arrivals.all.length === 69 + others, {
    what: 'all the others',
    progress: () => arrivals.all.length,
    limitMs: room.limits.gapMs,
  })
  for (const key of range(4)) {
    assert.deepEqual(
      arrivals.all.filter((each) => each.key === `key-${key}`).map(({ n }) => n),
      range([others, 30, 20, 20][key] as number).filter((n) => key !== 1 || n !== 3),
      'what follows it with its key waits, and comes in order',
    )
  }
}

/** O07 */
async function outage(room: Room): Promise<void> {
  const store = await room.store()
  const arrivals = new Arrivals()
  let down = true
  let asked = 0
  const isDown = (): boolean => {
    asked++
    return down
  }
  await store.outbox.start(recordingOutlet(arrivals, { down: isDown }))
  const events = things(keys * 5, keys)
  await addAll(store, events)
  await waitFor(() => asked > 9, { what: 'several tries', limitMs: 30_000 })
  await store.outbox.passed()
  const { dead, held } = await store.state()
  assert.deepEqual({ dead, held }, { dead: 0, held: 0 }, 'an outage is no fault of an event')
  down = false
  await waitFor(() => arrivals.all.length >= events.length, { what: 'all events', progress: () => arrivals.all.length, limitMs: 15_000 })
  checkOrder(arrivals, events)
}

/** O08 */
async function accepted(room: Room): Promise<void> {
  const store = await room.store()
  const [event] = things(1, 1)
  const encoded: WireMessage[] = []
  const arrivals = new Arrivals()
  await store.transaction(({ add }) => add([event as ThingEvent]))
  await store.outbox.start({
    ...recordingOutlet(arrivals),
    publish: async (messages) => void encoded.push(...messages),
  })
  await waitFor(() => encoded.length === 1, { what: 'the event', limitMs: room.limits.gapMs })
  const [first] = encoded as [WireMessage]
  const unusual: WireMessage = {
    ...first,
    attributes: { ...first.attributes, id: 'other', subject: 'żółw "quoted" \\ back', tenantid: 't' },
    data: Uint8Array.of(0, 255, 128),
  }
  await store.outbox.accept([
    unusual,
    { ...first, data: '{"text":"\\u0000 and \u{1f600}"}', attributes: { ...first.attributes, id: 'next' } },
  ])
  await waitFor(() => encoded.length === 3, { what: 'what was accepted', progress: () => encoded.length, limitMs: room.limits.gapMs })
  assert.deepEqual(Buffer.from(encoded[1]?.data as Uint8Array), Buffer.from([0, 255, 128]), 'bytes come as they were')
  assert.deepEqual({ ...encoded[1]?.attributes }, { ...unusual.attributes })
  assert.equal(encoded[2]?.data, '{"text":"\\u0000 and \u{1f600}"}')
  assert.equal(encoded[2]?.key, first.key)
}

export function outboxCases(processes: ProcessOptions | undefined): readonly StoreCase<TestedOutbox>[] {
  const kill = async (): Promise<void> => assert.fail('The configuration does not say how a process makes the outbox.')
  return [
    { id: 'O01', title: 'an event is committed with the business row, or neither', run: bothOrNeither },
    {
      id: 'O02',
      title: 'relays that are killed lose nothing and keep order per key',
      run: processes === undefined ? kill : killed(processes),
    },
    { id: 'O03', title: 'four relays share the work, none of it at the same time', run: sharedWork },
    { id: 'O05', title: 'a failing destination does not stop the others, and size, age and lag are right', run: oneFails },
    { id: 'O06', title: 'an event that is not taken holds its key, then is given up', run: oneEventFails },
    { id: 'O07', title: 'while the broker is down nothing is given up', run: outage },
    { id: 'O08', title: 'events come out as they went in', run: accepted },
  ]
}
