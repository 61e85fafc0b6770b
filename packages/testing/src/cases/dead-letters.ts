import assert from 'node:assert/strict'
import { type DeadLetter, type IEventBus, UnsupportedFeatureError, type WireMessage } from '@interline/core'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { ascending, numbers, range, type ThingEvent, ThingMade, ThingSent, things } from '../contract/events.js'
import { quickRetry, type Room } from '../contract/room.js'
import { type Recorder, recorder } from '../waiting/recorder.js'

const browses = ({ deadLetters, retry }: { readonly deadLetters: string; readonly retry: boolean }): boolean =>
  retry && deadLetters === 'browse'

interface Graveyard {
  readonly bus: IEventBus
  readonly failing: Recorder<ThingEvent>
  readonly other: Recorder<ThingEvent>
  /** In another group, under the same name as the one that fails. */
  readonly elsewhere: Recorder<ThingEvent>
  /** From now on nothing fails. */
  heal(): void
}

/** A group in which the handler "failing" gives up on every event, and "other" on none; nor does another group. */
async function graveyard(room: Room): Promise<Graveyard> {
  let broken = true
  const failing = recorder<ThingEvent>(() => {
    if (broken) throw new TypeError('This handler is broken.')
  })
  const other = recorder<ThingEvent>()
  const elsewhere = recorder<ThingEvent>()
  const bus = room.bus()
  await bus.subscribe([ThingMade, ThingSent], failing.handle, { name: 'failing', failure: { retry: quickRetry(2) } })
  await bus.subscribe([ThingMade, ThingSent], other.handle, { name: 'other' })
  await bus.subscribe([ThingMade, ThingSent], elsewhere.handle, { name: 'failing', group: 'elsewhere' })
  await bus.start()
  const heal = (): void => {
    broken = false
  }
  return { bus, failing, other, elsewhere, heal }
}

async function bury(room: Room, bus: IEventBus, events: readonly ThingEvent[]): Promise<readonly DeadLetter[]> {
  await bus.publishBatch(events)
  let count = 0
  await room.waitFor(async () => (count = await bus.deadLetters.count()) >= events.length, {
    what: 'the dead letters',
    progress: () => count,
  })
  return (await bus.deadLetters.list()).letters
}

async function whatIsKept(room: Room): Promise<void> {
  const { bus, failing, other } = await graveyard(room)
  const before = Date.now() - 1_000
  const event = ThingMade({ n: 7, key: 'one', payload: { text: 'żółw' } }, { correlationId: 'correlation-7' })
  const letters = await bury(room, bus, [event])
  await room.drained(bus)
  assert.equal(letters.length, 1, 'one dead letter')
  const letter = letters[0] ?? assert.fail()
  assert.equal(letter.error.message, 'This handler is broken.')
  assert.equal(letter.error.name, 'TypeError')
  assert.equal(letter.reason, 'exhausted')
  assert.equal(letter.attempts, 2)
  assert.equal(letter.group, 'suite')
  assert.equal(letter.handler, 'failing')
  assert.equal(letter.topic, 'things.made')
  assert.equal(letter.eventType, ThingMade.type)
  assert.equal(letter.eventId, event.id)
  assert.equal(letter.correlationId, 'correlation-7')
  assert.ok(
    letter.firstAttemptAt >= before && letter.firstAttemptAt <= letter.deadAt && letter.deadAt <= Date.now() + 1_000,
    'the times are right',
  )
  assert.deepEqual(JSON.parse(String(letter.message.data)), event.data, 'the original is untouched')
  assert.equal(letter.message.attributes.id, event.id)
  assert.equal(letter.message.key, 'one')
  assert.equal(failing.runs.length, 2)
  assert.equal(other.runs.length, 1, 'the other handler is not touched')
}

async function foundAgain(room: Room): Promise<void> {
  const { bus } = await graveyard(room)
  const made = things(4).map(({ data }) => ThingMade(data, { correlationId: `correlation-${data.n % 2}` }))
  await bury(room, bus, [...made, ThingSent({ n: 4 })])
  const { deadLetters } = bus
  assert.equal(await deadLetters.count(), 5)
  assert.equal(await deadLetters.count({ topic: 'things.sent' }), 1)
  assert.equal(await deadLetters.count({ eventType: ThingMade.type }), 4)
  assert.equal(await deadLetters.count({ correlationId: 'correlation-1' }), 2)
  assert.equal(await deadLetters.count({ handler: 'other' }), 0)
  assert.equal(await deadLetters.count({ group: 'suite', handler: 'failing', reason: 'exhausted' }), 5)
  assert.equal(await deadLetters.count({ until: new Date(0) }), 0)
  const first = await deadLetters.list({}, { limit: 3 })
  const second = await deadLetters.list({}, { limit: 3, after: first.next })
  assert.equal(first.letters.length, 3)
  assert.equal(new Set([...first.letters, ...second.letters].map(({ id }) => id)).size, 5, 'pages do not overlap')
  const { count, byHandler } = await deadLetters.preview({ eventType: ThingMade.type })
  assert.equal(count, 4)
  assert.deepEqual(byHandler, { 'suite/failing': 4 })
  assert.equal(await deadLetters.count(), 5, 'a preview changes nothing')
}

async function redriven(room: Room): Promise<void> {
  const { bus, failing, other, elsewhere, heal } = await graveyard(room)
  const letters = await bury(room, bus, [...things(4), ThingSent({ n: 4 })])
  await room.handled(other, 5)
  await room.handled(elsewhere, 5)
  heal()
  const one = letters.find(({ eventType }) => eventType === ThingMade.type) ?? assert.fail()
  assert.equal(await bus.deadLetters.redrive(one.id), 1)
  await room.handled(failing, 1)
  assert.equal(failing.handled[0]?.event.id, one.eventId, 'one of them')
  assert.equal(failing.handled[0]?.attempt, 1, 'with a new budget of attempts')
  assert.equal(await bus.deadLetters.redrive({ eventType: ThingMade.type }), 3)
  await room.handled(failing, 4)
  await room.drained(bus)
  assert.deepEqual(ascending(numbers(failing.events)), range(4), 'those of the filter, once each')
  assert.equal(await bus.deadLetters.count(), 1)
  assert.equal(other.runs.length, 5, 'a redrive reaches only the handler that gave up')
  assert.equal(elsewhere.runs.length, 5, 'and only its group')
}

async function edited(room: Room): Promise<void> {
  const { bus, failing, other, heal } = await graveyard(room)
  const original = ThingMade({ n: 1, payload: 'wrong' })
  await bury(room, bus, [original])
  heal()
  const edit = (data: unknown): unknown => ({ ...(data as object), payload: 'right' })
  assert.equal(await bus.deadLetters.redrive({}, { edit }), 1)
  await room.handled(failing, 1)
  const copy = failing.handled[0]?.event ?? assert.fail()
  assert.deepEqual(copy.data, { n: 1, payload: 'right' })
  assert.notEqual(copy.id, original.id, 'an edited one is an event of its own')
  assert.equal(copy.metadata.causationId, original.id)
  await room.drained(bus)
  assert.equal(other.runs.length, 1)
}

async function discarded(room: Room): Promise<void> {
  const { bus, failing } = await graveyard(room)
  const letters = await bury(room, bus, things(3))
  assert.equal(await bus.deadLetters.discard(letters[0]?.id ?? assert.fail()), 1)
  assert.equal(await bus.deadLetters.count(), 2)
  assert.equal(await bus.deadLetters.discard({ handler: 'failing' }), 2)
  assert.equal(await bus.deadLetters.count(), 0)
  assert.equal(failing.runs.length, 6, 'nothing ran again')
}

const brokenMessage: WireMessage = {
  destination: 'things',
  topic: 'things.made',
  key: 'one',
  attributes: {
    id: 'broken-1',
    source: 'elsewhere',
    specversion: '1.0',
    type: ThingMade.type,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    partitionkey: 'one',
    topic: 'things.made',
  },
  data: '{"n": this is not JSON',
}

async function undecodable(room: Room): Promise<void> {
  const bus = room.bus()
  const seen = recorder<ThingEvent>()
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await bus.start()
  await bus.publish(ThingMade({ n: 1, key: 'one' }))
  await bus.getBroker().publish([brokenMessage])
  await bus.publish(ThingMade({ n: 2, key: 'one' }))
  await room.handled(seen, 2)
  assert.deepEqual(numbers(seen.events), [1, 2], 'the subscription goes on')
  await room.waitFor(async () => (await bus.deadLetters.count()) > 0, { what: 'the dead letter' })
  const { letters } = await bus.deadLetters.list()
  assert.equal(letters.length, 1)
  assert.equal(letters[0]?.reason, 'undecodable')
  assert.equal(Buffer.from(letters[0]?.message.data as string).toString(), brokenMessage.data, 'with its raw bytes')
}

async function refusesDeadLetters(room: Room): Promise<void> {
  const refuses = (error: unknown): boolean => error instanceof UnsupportedFeatureError
  const bus = room.bus()
  await assert.rejects(async () => bus.deadLetters.list(), refuses)
  await assert.rejects(async () => bus.deadLetters.redrive({}), refuses)
  const asking = room.bus()
  await assert.rejects(async () => {
    await asking.subscribe(ThingMade, () => undefined, { name: 'seen', failure: { deadLetter: { enabled: true } } })
    await asking.start()
  }, refuses)
  assert.throws(() => room.bus({ deadLetter: { enabled: true } }), refuses)
}

async function skipsUndecodable(room: Room): Promise<void> {
  const bus = room.bus()
  const seen = recorder<ThingEvent>()
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await bus.start()
  await bus.publish(ThingMade({ n: 1, key: 'one' }))
  await bus.getBroker().publish([brokenMessage])
  await bus.publish(ThingMade({ n: 2, key: 'one' }))
  await room.handled(seen, 2)
  await room.drained(bus)
  assert.deepEqual(numbers(seen.events), [1, 2], 'the subscription goes on')
}

const keepsNone = ({ deadLetters, retry }: { readonly deadLetters: string; readonly retry: boolean }): boolean =>
  deadLetters === 'none' && !retry

export const deadLetterCases: readonly BrokerCase[] = cases(
  { id: 'B16', title: 'dead letters: one with error, attempts, names, times and the untouched original', needs: browses, run: whatIsKept },
  {
    id: 'B16',
    title: 'dead letters: where nothing is retried or kept, asking for them is refused',
    needs: keepsNone,
    run: refusesDeadLetters,
  },
  { id: 'B16', title: 'dead letters: listed in pages, filtered and previewed', needs: browses, run: foundAgain },
  { id: 'B16', title: 'dead letters: redriven, one and by a filter, to the handler that gave up', needs: browses, run: redriven },
  { id: 'B16', title: 'dead letters: edited as a copy', needs: browses, run: edited },
  { id: 'B16', title: 'dead letters: discarded', needs: browses, run: discarded },
  {
    id: 'B17',
    title: 'undecodable: it becomes a dead letter with its raw bytes, and the subscription goes on',
    needs: browses,
    refused: { title: 'undecodable: it is skipped, and the subscription goes on', run: skipsUndecodable },
    run: undecodable,
  },
)
