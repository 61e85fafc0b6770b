import assert from 'node:assert/strict'
import { Reject, RetryLater, UnsupportedFeatureError, ValidationError } from '@interline/core'
import { type BrokerCase, cases } from '../contract/broker-case.js'
import { range, type ThingEvent, ThingMade, things } from '../contract/events.js'
import { quickRetry, type Room } from '../contract/room.js'
import { type Recorded, type Recorder, recorder } from '../waiting/recorder.js'

/** What clocks of two machines, rounded to milliseconds, may differ by. */
const roundingMs = 2

type Order = 'key' | 'none' | undefined

async function thirdAttempt(room: Room, order: Order): Promise<void> {
  const bus = room.bus()
  const seen = recorder<ThingEvent>((_event, { attempt }) => {
    if (attempt < 3) throw new Error(`Attempt ${attempt} fails.`)
  })
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen', order, failure: { retry: quickRetry(5) } })
  await bus.start()
  const events = things(room.count(200, 50), 5)
  await bus.publishBatch(events)
  await room.handled(seen, events.length)
  await room.drained(bus)
  const attempts = attemptsById(seen)
  for (const event of events) assert.deepEqual(attempts.get(event.id), [1, 2, 3])
}

async function afterErrors(room: Room): Promise<void> {
  const failures = room.count(100, 20)
  const bus = room.bus()
  const seen = recorder<ThingEvent>(({ data }, { attempt }) => {
    if (data.key === 'bad' && attempt <= failures) throw new Error('Not yet.')
  })
  const retry = { maxAttempts: failures + 1, backoff: { type: 'fixed', delayMs: 1, jitter: 0 } } as const
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen', failure: { retry } })
  await bus.start()
  const good = range(50).map((n) => ThingMade({ n, key: `key-${n % 5}` }))
  await bus.publishBatch([ThingMade({ n: 0, key: 'bad' }), ...good])
  await room.handled(seen, good.length + 1)
  const bad = seen.runs.filter(({ event }) => event.data.key === 'bad')
  assert.deepEqual(
    bad.map(({ attempt }) => attempt),
    range(failures + 1).map((index) => index + 1),
  )
  assert.equal(seen.events.filter(({ data }) => data.key !== 'bad').length, good.length)
}

async function backoffIsKept(room: Room, order: Order): Promise<void> {
  const bus = room.bus()
  const seen = recorder<ThingEvent>(({ data }, { attempt }) => {
    if (data.key === 'late' && data.n === 0 && attempt <= 3) throw new Error('Later.')
  })
  const retry = { maxAttempts: 4, backoff: { type: 'exponential', delayMs: 50, jitter: 0 } } as const
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen', order, failure: { retry } })
  await bus.start()
  const others = range(10).map((n) => ThingMade({ n, key: 'other' }))
  await bus.publishBatch([ThingMade({ n: 0, key: 'late' }), ThingMade({ n: 1, key: 'late' }), ...others])
  await room.handled(seen, others.length + 2)
  const late = seen.runs.filter(({ event }) => event.data.key === 'late')
  const first = late.filter(({ event }) => event.data.n === 0)
  assert.deepEqual(
    first.map(({ attempt }) => attempt),
    [1, 2, 3, 4],
  )
  notEarlier(first, [50, 100, 200])
  const end = first.at(-1)?.atMs ?? assert.fail()
  const meanwhile = seen.runs.filter(({ event, atMs }) => event.data.key === 'other' && atMs < end)
  assert.equal(meanwhile.length, others.length, 'other keys go on meanwhile')
  const second = late.find(({ event }) => event.data.n === 1) ?? assert.fail()
  if (room.capabilities.order === 'key' && order !== 'none') assert.ok(second.atMs >= end, 'the next of the same key waits')
}

async function retrySurvivesRestart(room: Room): Promise<void> {
  const retry = { maxAttempts: 3, backoff: { type: 'fixed', delayMs: 700, jitter: 0 } } as const
  const failing = recorder<ThingEvent>(() => {
    throw new Error('The first process fails.')
  })
  const first = room.bus()
  await first.subscribe(ThingMade, failing.handle, { name: 'seen', failure: { retry } })
  await first.start()
  await first.publish(ThingMade({ n: 1, key: 'one' }))
  await failing.waitForRuns(1, { limitMs: room.limits.gapMs })
  await first.close()
  const seen = recorder<ThingEvent>()
  const second = room.bus()
  await second.subscribe(ThingMade, seen.handle, { name: 'seen', failure: { retry } })
  await second.start()
  await room.handled(seen, 1, room.limits.gapMs + 700)
  assert.deepEqual(
    [...failing.runs, ...seen.runs].map(({ attempt }) => attempt),
    [1, 2],
  )
  notEarlier([...failing.runs, ...seen.runs], [700])
}

async function verdicts(room: Room): Promise<void> {
  const bus = room.bus()
  const throughMiddleware: string[] = []
  bus.use(({ event, attempt }, next) => {
    throughMiddleware.push(`${(event as ThingEvent).data.n}:${attempt}`)
    return next()
  })
  const seen = recorder<ThingEvent>(({ data }, { attempt }) => {
    if (data.n === 0 && attempt === 1) throw new RetryLater({ afterMs: 150 })
    if (data.n === 1) throw new Reject('Never.')
    if (data.n === 2) throw new ValidationError('Not what was agreed.', [{ message: 'wrong', path: 'n' }])
    if (data.n === 3) throw 'a string'
  })
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen', failure: { retry: quickRetry(2), deadLetter: { enabled: false } } })
  await bus.start()
  await bus.publishBatch(range(4).map((n) => ThingMade({ n, key: `key-${n}` })))
  await room.handled(seen, 1)
  await seen.waitForRuns(6, { limitMs: room.limits.gapMs })
  await room.drained(bus)
  const runs = [...seen.runs].map(({ event, attempt }) => `${event.data.n}:${attempt}`).sort()
  assert.deepEqual(runs, ['0:1', '0:2', '1:1', '2:1', '3:1', '3:2'])
  assert.deepEqual([...throughMiddleware].sort(), runs, 'a middleware sees each attempt once')
  const asked = seen.runs.filter(({ event }) => event.data.n === 0)
  notEarlier(asked, [150])
}

/** The gaps between the beginnings of runs are at least these. */
function notEarlier(runs: readonly Recorded<ThingEvent>[], gapsMs: readonly number[]): void {
  for (const [index, gapMs] of gapsMs.entries()) {
    const before = runs[index]?.atMs ?? assert.fail()
    const after = runs[index + 1]?.atMs ?? assert.fail()
    assert.ok(after - before >= gapMs - roundingMs, `attempt ${index + 2} came ${after - before} ms after the one before, and not ${gapMs}`)
  }
}

function attemptsById(seen: Recorder<ThingEvent>): ReadonlyMap<string, readonly number[]> {
  const attempts = new Map<string, number[]>()
  for (const { event, attempt } of seen.runs) attempts.set(event.id, [...(attempts.get(event.id) ?? []), attempt])
  return attempts
}

async function refusesRetry(room: Room): Promise<void> {
  const strategy = { handle: () => undefined, retryStrategy: { maxAttempts: 2 } }
  for (const [handler, options] of [
    [() => undefined, { failure: { retry: quickRetry(2) } }],
    [strategy, {}],
  ] as const) {
    const bus = room.bus()
    await assert.rejects(
      async () => {
        await bus.subscribe(ThingMade, handler, { name: 'seen', ...options })
        await bus.start()
      },
      (error) => error instanceof UnsupportedFeatureError,
    )
  }
  assert.throws(
    () => room.bus({ retry: quickRetry(2) }),
    (error) => error instanceof UnsupportedFeatureError,
  )
}

async function runsOnce(room: Room): Promise<void> {
  const bus = room.bus()
  const seen = recorder<ThingEvent>(({ data }, { attempt }) => {
    if (data.n === 0) throw new RetryLater({ afterMs: 1 })
    if (data.n < 5) throw new Error(`Attempt ${attempt} fails.`)
  })
  await bus.subscribe(ThingMade, seen.handle, { name: 'seen' })
  await bus.start()
  await bus.publishBatch(things(10))
  await room.handled(seen, 5)
  await room.drained(bus)
  assert.equal(seen.runs.length, 10, 'what fails is given up at once, and the others are handled')
}

const retries = ({ retry }: { readonly retry: boolean }): boolean => retry

export const retryCases: readonly BrokerCase[] = cases(
  {
    id: 'B04',
    title: 'retry: two attempts fail, the third is handled and knows that it is the third',
    needs: retries,
    refused: { title: 'retry is refused, where a handler, its options or the bus ask for it', run: refusesRetry },
    run: (room) => thirdAttempt(room, undefined),
  },
  { id: 'B04', title: 'retry: the same without order', needs: retries, run: (room) => thirdAttempt(room, 'none') },
  {
    id: 'B08',
    title: 'after errors: failures in a row on one event do not stop the others',
    needs: retries,
    refused: { title: 'after errors: what fails runs once, and the others go on', run: runsOnce },
    run: afterErrors,
  },
  {
    id: 'B15',
    title: 'delayed retry: the backoff is kept, never early, and other keys go on meanwhile',
    needs: retries,
    run: (room) => backoffIsKept(room, undefined),
  },
  { id: 'B15', title: 'delayed retry: the same without order', needs: retries, run: (room) => backoffIsKept(room, 'none') },
  {
    id: 'B15',
    title: 'delayed retry: it survives a restart of the consumer',
    needs: ({ retry, durable, local }) => retry && (durable || local),
    run: retrySurvivesRestart,
  },
  { id: 'B35', title: 'verdicts: RetryLater, Reject, validation errors and thrown strings', needs: retries, run: verdicts },
)
