import assert from 'node:assert/strict'
import type { IEventBus } from '@interline/core'
import { range, type ThingEvent, ThingMade } from '../contract/events.js'
import { takeOverLimitMs } from '../crash/start-worker.js'
import type { WorkerProcess } from '../crash/worker-process.js'
import { type FaultCase, faults } from './fault-case.js'
import type { FaultRoom } from './fault-room.js'

const maxAttempts = 3
const timeoutMs = 100

/** What a handler may do instead of ending well. */
const ways: readonly (() => unknown)[] = [
  () => {
    throw new Error('An error.')
  },
  () => {
    const nothing = undefined as unknown as { readonly field: { readonly inside: string } }
    return nothing.field.inside
  },
  () => {
    throw 'a text'
  },
  () => {
    throw undefined
  },
  () => Promise.reject(new RangeError('A promise that is rejected.')),
  () => new Promise(() => undefined),
]

interface Batch {
  readonly events: readonly ThingEvent[]
  readonly good: readonly ThingEvent[]
  readonly bad: readonly ThingEvent[]
}

/** The second event of each of the first keys is bad. */
function batchOf(keys: number, perKey: number, badKeys: number): Batch {
  const events = range(keys * perKey).map((index) => ThingMade({ n: Math.floor(index / keys), key: `key-${index % keys}` }))
  const isBad = ({ data }: ThingEvent): boolean => data.n === 1 && Number(data.key?.slice('key-'.length)) < badKeys
  return { events, good: events.filter((event) => !isBad(event)), bad: events.filter(isBad) }
}

function areHandled(room: FaultRoom, events: readonly ThingEvent[]): boolean {
  return events.every(({ id }) => room.queue.timesHandled(id) > 0)
}

async function checkBurials(room: FaultRoom, { good, bad }: Batch, bus: IEventBus): Promise<void> {
  const times = [...room.queue.burials]
  const expected = bad.map(({ id }) => [id, 1] as const)
  assert.deepEqual(times.sort(byId), expected.sort(byId), 'each bad event is a dead letter, once, and no other is')
  assert.ok(areHandled(room, good), 'and every good one is handled')
  assert.equal(room.queue.runs, good.length, 'once')
  if (room.capabilities.order === 'key') assert.deepEqual(room.queue.disorder(), [], 'each key in its order')
  if (room.capabilities.deadLetters !== 'browse' && room.options.deadLetterStore === undefined) return
  const { letters } = await bus.deadLetters.list({ group: 'suite' })
  assert.deepEqual(
    letters.map(({ eventId }) => eventId).sort(),
    bad.map(({ id }) => id).sort(),
    'and they are found where dead letters are',
  )
}

const byId = ([left]: readonly [string, number], [right]: readonly [string, number]): number => left.localeCompare(right)

async function publishAll(room: FaultRoom, { events }: Batch): Promise<void> {
  const queued = events.map(({ id, data: { n, key = '' } }) => ({ id, n, key }))
  for (const one of queued) room.queue.publishing(one)
  const publisher = await room.publisher()
  for (let start = 0; start < events.length; start += 100) await publisher.publishBatch(events.slice(start, start + 100))
  for (const one of queued) room.queue.answered(one, 'accepted')
}

async function badHandlers(room: FaultRoom): Promise<void> {
  const batch = batchOf(8, room.count(200, 20), ways.length)
  const bad = new Map(batch.bad.map(({ id }, index) => [id, ways[index] ?? assert.fail()]))
  const attempts = new Map<string, number[]>()
  const body = (event: ThingEvent, { attempt }: { readonly attempt: number }): unknown => {
    const way = bad.get(event.id)
    if (way === undefined) return undefined
    attempts.set(event.id, [...(attempts.get(event.id) ?? []), attempt])
    return way()
  }
  const retry = { maxAttempts, backoff: { type: 'fixed', delayMs: 20, jitter: 0 } } as const
  const consumers = [
    await room.consumer(body, { failure: { timeoutMs, retry } }),
    await room.consumer(body, { failure: { timeoutMs, retry } }),
  ]
  await publishAll(room, batch)
  await room.waitFor(() => room.queue.burials.size === batch.bad.length && areHandled(room, batch.good), {
    what: 'the good to be handled and the bad to be buried',
    progress: () => room.queue.runs,
  })
  await room.drained(...consumers)
  await checkBurials(room, batch, consumers[0] ?? assert.fail())
  for (const each of attempts.values()) assert.deepEqual(each, [1, 2, 3], 'each attempt is counted')
}

/** One blocks its process for longer than the lease, one takes more memory than there is. The process is started again when it ends. */
async function badProcesses(room: FaultRoom): Promise<void> {
  const batch = batchOf(8, room.count(100, 20), 2)
  const [blocking = assert.fail(), greedy = assert.fail()] = batch.bad
  const harm = [
    { n: blocking.data.n, key: blocking.data.key ?? '', how: 'blocks' },
    { n: greedy.data.n, key: greedy.data.key ?? '', how: 'memory' },
  ] as const
  const harmMs = room.leaseMs + 1_000
  const start = (): Promise<WorkerProcess> => room.worker({ harm, harmMs, maxAttempts, heapMegabytes: 48 })
  let ended = 0
  let workers: readonly WorkerProcess[] = await Promise.all([start(), start()])
  await publishAll(room, batch)
  const settled = (id: string): boolean => room.queue.timesHandled(id) > 0 || room.queue.burials.has(id)
  while (!batch.events.every(({ id }) => settled(id))) {
    const gone = workers.filter((worker) => worker.ended)
    ended += gone.length
    assert.ok(ended <= maxAttempts, 'after the limit no process is ended any more')
    workers = [...workers.filter((worker) => !worker.ended), ...(await Promise.all(gone.map(start)))]
    await room.waitFor(() => workers.some((worker) => worker.ended) || batch.events.every(({ id }) => settled(id)), {
      what: 'everything to be handled or buried, or a process to end',
      progress: () => `${room.queue.runs} runs, ${room.queue.burials.size} buried`,
      limitMs: takeOverLimitMs + harmMs,
    })
  }
  assert.equal(room.queue.timesHandled(greedy.id), 0)
  assert.equal(room.queue.burials.get(greedy.id), 1, 'what ends its process is a dead letter, once')
  assert.ok(areHandled(room, batch.good), 'and every good one is handled')
  for (const worker of workers) await worker.leave()
  await room.drained(await room.consumer())
  if (room.capabilities.order === 'key') assert.deepEqual(room.queue.disorder(), [], 'each key in its order')
}

async function poisonAtTheHead(room: FaultRoom): Promise<void> {
  // what waits behind the poison has to fit into the window, which is everybody's
  const batch = batchOf(8, room.count(100, 50), 4)
  const poisoned = new Set(batch.bad.map(({ data }) => data.key))
  const bad = new Set(batch.bad.map(({ id }) => id))
  const retry = { maxAttempts, backoff: { type: 'fixed', delayMs: room.limits.gapMs / 10, jitter: 0 } } as const
  const body = (event: ThingEvent): void => {
    if (bad.has(event.id)) throw new Error('Poison.')
  }
  const consumer = await room.consumer(body, { failure: { retry } })
  await publishAll(room, batch)
  const others = batch.good.filter(({ data }) => room.capabilities.order !== 'key' || !poisoned.has(data.key))
  await room.waitFor(() => areHandled(room, others), {
    what: 'all that has nothing to do with the poison',
    progress: () => room.queue.runs,
  })
  assert.equal(room.queue.burials.size, 0, 'the others went on while the poison was still tried')
  await room.waitFor(() => room.queue.burials.size === bad.size && areHandled(room, batch.good), {
    what: 'the poison to be buried, and what waited behind it to be handled',
    progress: () => room.queue.runs,
  })
  await room.drained(consumer)
  await checkBurials(room, batch, consumer)
}

const retries = ({ retry }: { readonly retry: boolean }): boolean => retry

export const handlerFaults: readonly FaultCase[] = faults(
  {
    id: 'F8',
    title: 'bad handlers: whatever is thrown, and what never settles, is a dead letter after the last attempt',
    needs: retries,
    run: badHandlers,
  },
  {
    id: 'F8',
    title: 'bad processes: a handler that blocks for longer than the lease, and one that takes all memory',
    needs: ({ retry, durable, crashCounted }) => retry && durable && crashCounted,
    hooks: ['processes'],
    onlyFull: true,
    run: badProcesses,
  },
  { id: 'F9', title: 'poison at the head: the others go on, and it is a dead letter once', needs: retries, run: poisonAtTheHead },
)
