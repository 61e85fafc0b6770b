import assert from 'node:assert/strict'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { range, type ThingEvent, ThingMade, things } from '../contract/events.js'
import type { Room } from '../contract/room.js'
import { startWorker, takeOverLimitMs } from '../crash/start-worker.js'
import type { BuriedEvent } from '../crash/worker-messages.js'
import type { WorkerProcess } from '../crash/worker-process.js'
import { recorder } from '../waiting/recorder.js'

async function consumerDies(room: Room): Promise<void> {
  const keys = 8
  // Long enough for an acknowledgement to be stored before the next run of its key ends.
  const worker = await startWorker(room, { workMs: 100 })
  const events = things(room.count(2_000, 200), keys)
  await room.bus({ service: 'publisher' }).publishBatch(events)
  await room.waitFor(() => worker.handled.length >= 20 && worker.began.length > worker.handled.length, {
    what: 'a worker with work in hand',
    progress: () => worker.handled.length,
  })
  await worker.kill()
  const killedAt = performance.now()
  const before = worker.handled.map(({ id }) => id)
  const interrupted = worker.began.filter(({ id }) => !before.includes(id)).map(({ id }) => id)
  const seen = recorder<ThingEvent>()
  const heir = room.bus()
  await heir.subscribe(ThingMade, seen.handle, { name: 'seen', failure: { retry: { maxAttempts: 5 } } })
  await heir.start()
  const union = (): number => new Set([...before, ...seen.events.map(({ id }) => id)]).size
  await room.waitFor(() => union() === events.length, { what: 'all events', limitMs: takeOverLimitMs, progress: union })
  assert.ok(performance.now() - killedAt < takeOverLimitMs + events.length * 5, 'within 15 s')
  await room.drained(heir)
  if (room.capabilities.crashCounted) {
    for (const id of interrupted) {
      const run = seen.runs.find(({ event }) => event.id === id) ?? assert.fail('what was in hand comes again')
      assert.ok(run.attempt >= 2, `the attempt of what was in hand is raised, and it is ${run.attempt}`)
    }
  }
  if (room.capabilities.order !== 'key') return
  for (const index of range(keys)) {
    const key = `key-${index}`
    const own = worker.handled.filter((run) => run.key === key).map(({ n }) => n)
    const inherited = seen.events.filter(({ data }) => data.key === key).map(({ data }) => data.n)
    const first = inherited[0] ?? events.length / keys
    // The kill may fall between the end of a run and its ack: that one event comes again, and nothing before it.
    assert.deepEqual([...own.slice(0, first), ...inherited], range(events.length / keys), `the sequence of ${key}`)
    assert.ok(first >= own.length - 1, `of ${key} more than the last came again`)
  }
}

async function poisonProcess(room: Room): Promise<void> {
  const maxAttempts = 3
  const keys = 4
  const poison = { n: 2, key: 'key-1' }
  const harm = [{ ...poison, how: 'exits' }] as const
  const events = things(40, keys)
  // The group has to exist before anything is published.
  const first = await startWorker(room, { harm, maxAttempts })
  const publisher = room.bus({ service: 'publisher' })
  await publisher.publishBatch(events)
  const workers = [first]
  const handled = (): ReadonlySet<string> => new Set(workers.flatMap((worker) => worker.handled.map(({ id }) => id)))
  const latest = (): WorkerProcess => workers.at(-1) ?? assert.fail()
  const done = (): boolean => handled().size === events.length - 1
  for (;;) {
    await room.waitFor(() => done() || latest().ended, { what: 'the workers', limitMs: takeOverLimitMs, progress: () => handled().size })
    if (!latest().ended) break
    assert.ok(workers.length <= maxAttempts, 'after the limit no process is ended any more')
    workers.push(await startWorker(room, { harm, maxAttempts }))
  }
  const poisoned = workers.flatMap((worker) => worker.began.filter(({ n, key }) => n === poison.n && key === poison.key))
  assert.deepEqual(
    poisoned.map(({ attempt }) => attempt),
    range(maxAttempts).map((index) => index + 1),
    'each attempt is counted over the crashes',
  )
  const expected = [{ reason: 'crashed', attempts: maxAttempts, eventId: poisoned[0]?.id }]
  const buried = (): readonly BuriedEvent[] => workers.flatMap((worker) => worker.buried)
  await room.waitFor(() => buried().length > 0, { what: 'the dead letter' })
  assert.deepEqual(
    buried().map(({ reason, attempts, eventId }) => ({ reason, attempts, eventId })),
    expected,
  )
  if (room.capabilities.deadLetters === 'browse') {
    const { letters } = await publisher.deadLetters.list({ group: 'suite' })
    assert.deepEqual(
      letters.map(({ reason, attempts, eventId }) => ({ reason, attempts, eventId })),
      expected,
    )
  }
  if (room.capabilities.order !== 'key') return
  for (const index of range(keys)) {
    const key = `key-${index}`
    const sequence = [...new Set(workers.flatMap((worker) => worker.handled.filter((run) => run.key === key).map(({ n }) => n)))]
    const whole = range(events.length / keys).filter((n) => key !== poison.key || n !== poison.n)
    assert.deepEqual(sequence, whole, `the sequence of ${key}`)
  }
}

async function redriveInterrupted(room: Room): Promise<void> {
  const key = 'held'
  const count = 30
  const sick = await startWorker(room, { harm: [{ n: 2, key, how: 'throws' }], keepOrder: true, maxAttempts: 2 })
  const publisher = room.bus({ service: 'publisher' })
  await publisher.publishBatch(range(count).map((n) => ThingMade({ n, key })))
  let letters = 0
  const left = async (wanted: number): Promise<boolean> => (letters = await publisher.deadLetters.count({ group: 'suite' })) === wanted
  await room.waitFor(() => left(count - 2), { what: 'one dead and the rest parked', limitMs: takeOverLimitMs, progress: () => letters })
  await sick.kill()
  const healthy = await startWorker(room, { keepOrder: true, workMs: 20 })
  await publisher.deadLetters.redrive({ group: 'suite' })
  await room.waitFor(() => healthy.handled.length >= 5, { what: 'the redrive to be under way', limitMs: takeOverLimitMs })
  await healthy.kill()
  const before = healthy.handled.map(({ n }) => n)
  const heir = await startWorker(room, { keepOrder: true })
  await room.waitFor(() => left(0), { what: 'everything to be handled', limitMs: takeOverLimitMs, progress: () => letters })
  await room.waitFor(() => heir.handled.some(({ n }) => n === count - 1), { what: 'the last', limitMs: takeOverLimitMs })
  const after = heir.handled.map(({ n }) => n)
  const first = after[0] ?? count
  assert.deepEqual([...before.filter((n) => n < first), ...after], range(count).slice(2), 'in order, none lost')
  assert.ok(first >= (before.at(-1) ?? 0), 'and at most the last one twice')
}

const survives = ({ durable, retry }: { readonly durable: boolean; readonly retry: boolean }): boolean => durable && retry

export const crashCases: readonly BrokerCase[] = cases(
  {
    id: 'B23',
    title: 'consumer dies: kill -9 with work in hand, and another handles all of it within 15 s',
    needs: survives,
    hooks: ['processes'],
    run: consumerDies,
  },
  {
    id: 'B36',
    title: 'poison process: a handler that ends the process is dead-lettered after the limit, without being run',
    needs: (capabilities) => survives(capabilities) && capabilities.crashCounted,
    hooks: ['processes'],
    run: poisonProcess,
  },
  {
    id: 'B32',
    title: 'parked key: kill -9 in the middle of a redrive loses nothing and keeps the order',
    needs: (capabilities) => survives(capabilities) && capabilities.order === 'key' && capabilities.deadLetters === 'browse',
    hooks: ['processes'],
    run: redriveInterrupted,
  },
)
