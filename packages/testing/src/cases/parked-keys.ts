import assert from 'node:assert/strict'
import type { BrokerCapabilities, IEventBus, RetryOptions } from '@interline/core'
import { type BrokerCase, cases, type Means } from '../contract/broker-case.js'
import { numbers, range, type ThingEvent, ThingMade } from '../contract/events.js'
import type { Room } from '../contract/room.js'
import { startWorker, takeOverLimitMs } from '../crash/start-worker.js'
import { type Recorder, recorder } from '../waiting/recorder.js'

const parks = ({ order, retry }: BrokerCapabilities, { parking }: Means): boolean => order === 'key' && retry && parking
const parksInProcesses = (capabilities: BrokerCapabilities, means: Means): boolean => capabilities.durable && parks(capabilities, means)

/** So small that what follows one key would fill it. */
const window = 20
const followers = 50
const parkAfterMs = 100

/** Long enough for all the others to be handled meanwhile. */
function waitMsOf({ scale }: Room): number {
  return scale === 'tiny' ? 400 : 1_500
}

function retryAfter(delayMs: number): RetryOptions {
  return { maxAttempts: 4, backoff: { type: 'fixed', delayMs, jitter: 0 } }
}

/** Fails the first attempt at number 0 of the key "slow". */
function slowStart(): Recorder<ThingEvent> {
  return recorder<ThingEvent>(({ data }, { attempt }) => {
    if (data.key === 'slow' && data.n === 0 && attempt === 1) throw new Error('Much later.')
  })
}

async function process(room: Room, seen: Recorder<ThingEvent>): Promise<IEventBus> {
  const bus = room.bus({ window, parkAfterMs })
  const failure = { retry: retryAfter(waitMsOf(room)) }
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen', order: 'key', failure })
  await bus.start()
  return bus
}

function slow(from: number, to: number): readonly ThingEvent[] {
  return range(to - from).map((n) => ThingMade({ n: n + from, key: 'slow' }))
}

function others(count: number): readonly ThingEvent[] {
  return range(count).map((n) => ThingMade({ n: Math.floor(n / 8), key: `other-${n % 8}` }))
}

function slowOnes(...recorders: readonly Recorder<ThingEvent>[]): readonly number[] {
  return numbers(recorders.flatMap(({ events }) => events).filter(({ data }) => data.key === 'slow'))
}

function otherCount({ events }: Recorder<ThingEvent>): number {
  return events.filter(({ data }) => data.key !== 'slow').length
}

/** Until so many of it were handled; for so long as it waits nothing moves. */
async function slowKey(room: Room, count: number, seen: Recorder<ThingEvent>): Promise<void> {
  const handled = (): number => slowOnes(seen).length
  await room.waitFor(() => handled() >= count, { what: 'the slow key', limitMs: room.limits.gapMs + waitMsOf(room), progress: handled })
}

/** The first of the key ran again when it was due, and once more only. */
function waited(room: Room, runs: Recorder<ThingEvent>['runs']): void {
  const first = runs.filter(({ event }) => event.data.key === 'slow' && event.data.n === 0)
  assert.deepEqual(
    first.map(({ attempt }) => attempt),
    [1, 2],
    'the attempts of what waited are counted on',
  )
  const [before, again] = first
  assert.ok((again?.atMs ?? 0) - (before?.atMs ?? 0) >= waitMsOf(room) - 2, 'it was never early')
}

async function doesNotStopOthers(room: Room): Promise<void> {
  const seen = slowStart()
  const bus = await process(room, seen)
  const count = room.count(2_000, 200)
  await bus.publishBatch([...slow(0, followers), ...others(count)])
  await room.waitFor(() => otherCount(seen) === count, { what: 'all events of the others', progress: () => otherCount(seen) })
  assert.deepEqual(slowOnes(seen), [], 'the others did not wait for the slow key')
  await bus.publishBatch(slow(followers, followers + 5))
  await slowKey(room, followers + 5, seen)
  await bus.publish(ThingMade({ n: followers + 5, key: 'slow' }))
  await slowKey(room, followers + 6, seen)
  await room.drained(bus)
  assert.deepEqual(slowOnes(seen), range(followers + 6), 'in order, each once')
  waited(room, seen.runs)
  assert.equal(await bus.deadLetters.count(), 0, 'what waits is not dead')
}

async function outlivesItsProcess(room: Room): Promise<void> {
  const seen = slowStart()
  const first = await process(room, seen)
  await first.publishBatch([...slow(0, followers), ...others(40)])
  await room.waitFor(() => otherCount(seen) === 40, { what: 'the others', progress: () => otherCount(seen) })
  await first.close()
  const again = slowStart()
  const second = await process(room, again)
  await second.publishBatch(slow(followers, followers + 5))
  await slowKey(room, followers + 5, again)
  await room.drained(second)
  assert.deepEqual(slowOnes(seen, again), range(followers + 5), 'in order, each once')
  waited(room, [...seen.runs, ...again.runs])
}

async function becomesDead(room: Room): Promise<void> {
  const bus = room.bus({ window, parkAfterMs })
  const seen = recorder<ThingEvent>(({ data }) => {
    if (data.key === 'slow' && data.n === 0) throw new Error('Never.')
  })
  const twice = { maxAttempts: 2, backoff: { type: 'fixed', delayMs: 300, jitter: 0 } } as const
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen', order: 'key', failure: { retry: twice } })
  await bus.start()
  await bus.publishBatch(slow(0, followers))
  await slowKey(room, followers - 1, seen)
  await room.drained(bus)
  assert.deepEqual(slowOnes(seen), range(followers).slice(1), 'what follows goes on when the first is dead')
  const { letters } = await bus.deadLetters.list()
  assert.deepEqual(
    letters.map(({ reason, attempts }) => ({ reason, attempts })),
    [{ reason: 'exhausted', attempts: 2 }],
  )
}

async function outlivesAKill(room: Room): Promise<void> {
  const slowFirst = { n: 0, key: 'slow' }
  const orders = { harm: [{ ...slowFirst, how: 'throws' }], workMs: 0, window, parkAfterMs, retryMs: 4_000 } as const
  const worker = await startWorker(room, orders)
  const publisher = room.bus({ service: 'publisher' })
  const count = room.count(2_000, 200)
  await publisher.publishBatch([...slow(0, followers), ...others(count)])
  await room.waitFor(() => worker.handled.length === count, { what: 'all events of the others', progress: () => worker.handled.length })
  await worker.kill()
  assert.deepEqual(
    worker.began.filter(({ key }) => key === 'slow').map(({ n, attempt }) => ({ n, attempt })),
    [{ n: 0, attempt: 1 }],
  )
  const seen = recorder<ThingEvent>()
  const heir = await process(room, seen)
  await publisher.publishBatch(slow(followers, followers + 5))
  const handled = (): number => slowOnes(seen).length
  await room.waitFor(() => handled() >= followers + 5, { what: 'the slow key', limitMs: takeOverLimitMs, progress: handled })
  await room.drained(heir)
  assert.deepEqual(slowOnes(seen), range(followers + 5), 'in order, none lost, none twice')
  const first = seen.runs.find(({ event }) => event.data.key === 'slow' && event.data.n === 0) ?? assert.fail()
  assert.equal(first.attempt, 2, 'the attempt is counted on')
}

export const parkedKeyCases: readonly BrokerCase[] = cases(
  { id: 'B38', title: 'a key that waits long does not stop the others, and keeps its order', needs: parks, run: doesNotStopOthers },
  { id: 'B38', title: 'a key that waits long outlives its process', needs: parks, run: outlivesItsProcess },
  { id: 'B38', title: 'a key that waits long goes on when its first event is dead', needs: parks, run: becomesDead },
  {
    id: 'B38',
    title: 'a key that waits long outlives kill -9 of its consumer',
    needs: parksInProcesses,
    hooks: ['processes'],
    run: outlivesAKill,
  },
)
