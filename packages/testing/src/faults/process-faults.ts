import assert from 'node:assert/strict'
import { range } from '../contract/events.js'
import { takeOverLimitMs } from '../crash/start-worker.js'
import type { WorkerRun } from '../crash/worker-messages.js'
import type { WorkerProcess } from '../crash/worker-process.js'
import { pause } from '../waiting/wait-for.js'
import { type FaultCase, faults } from './fault-case.js'
import type { FaultRoom } from './fault-room.js'
import type { Load } from './load.js'

const workMs = 5
const concurrency = 4
/** How long a process may take from SIGTERM to its end; its handlers take a few milliseconds. */
const graceMs = 5_000

async function working(room: FaultRoom, worker: WorkerProcess): Promise<void> {
  const before = worker.handled.length
  await room.waitFor(() => worker.handled.length > before + concurrency, { what: 'a worker to work', limitMs: takeOverLimitMs })
}

/** The workers leave, and nothing is left for the one who comes after them. */
async function judge(room: FaultRoom, id: string, load: Load, workers: readonly WorkerProcess[], repeats: number): Promise<void> {
  await room.finishes(load)
  await Promise.all(workers.map((worker) => leaves(worker)))
  await room.drained(await room.consumer())
  room.judge(id, load, repeats + room.slowMachineRepeats)
}

async function leaves(worker: WorkerProcess): Promise<void> {
  const began = performance.now()
  assert.equal(await worker.leave(), 0, 'a worker that is asked to leave ends well')
  const tookMs = performance.now() - began
  assert.ok(tookMs < graceMs, `within its grace, and it took ${Math.ceil(tookMs)} ms`)
}

async function consumersAreKilled(room: FaultRoom): Promise<void> {
  const workers = await Promise.all(range(2).map(() => room.worker({ workMs, concurrency })))
  const load = room.load(await room.publisher())
  let kills = 0
  for (const _ of room.strikes(3)) {
    const [victim = assert.fail()] = workers.splice(0, 1)
    await working(room, victim)
    await victim.kill()
    kills += 1
    workers.push(await room.worker({ workMs, concurrency }))
  }
  await room.recovers(load)
  await judge(room, 'F6', load, workers, kills * 2 * concurrency)
}

/**
 * The zombie freezes in a handler, another one takes the event over, and dies of it after the zombie has gone on: were the zombie's ack
 * not refused, nobody would get the event again.
 */
async function zombies(room: FaultRoom): Promise<void> {
  const slow = { n: 5, key: 'key-0', how: 'slow' } as const
  const orders = { workMs, concurrency, dedup: false, harm: [slow] } as const
  const zombie = await room.worker({ ...orders, harmMs: room.leaseMs })
  const load = room.load(await room.publisher(), { paceMs: 40 })
  const slowRun = (worker: WorkerProcess): WorkerRun | undefined => worker.began.find(({ n, key }) => n === slow.n && key === slow.key)
  await room.waitFor(() => slowRun(zombie) !== undefined, { what: 'the slow event' })
  zombie.freeze()
  const { id } = slowRun(zombie) ?? assert.fail()
  const heir = await room.worker({ ...orders, harmMs: takeOverLimitMs })
  await room.waitFor(() => slowRun(heir) !== undefined, { what: 'the other one to take it over', limitMs: takeOverLimitMs })
  room.takenFrom(zombie)
  zombie.thaw()
  await room.waitFor(() => room.queue.timesHandled(id) === 1, { what: 'the zombie to come to its end' })
  // its ack is on its way
  await pause(200)
  await heir.kill()
  const last = await room.worker({ workMs, concurrency, dedup: false })
  await room.waitFor(() => room.queue.timesHandled(id) > 1, { what: 'the event to come again', limitMs: takeOverLimitMs })
  await room.recovers(load)
  await judge(room, 'F7', load, [zombie, last], 2 * 2 * concurrency)
}

async function rollingRestart(room: FaultRoom): Promise<void> {
  const workers = await Promise.all(range(room.scale === 'full' ? 5 : 3).map(() => room.worker({ workMs, concurrency })))
  const load = room.load(await room.publisher())
  for (const _ of room.strikes(3)) {
    const [leaving = assert.fail()] = workers.splice(0, 1)
    await room.recovers(load)
    await leaves(leaving)
    workers.push(await room.worker({ workMs, concurrency }))
  }
  await room.recovers(load)
  await judge(room, 'F10', load, workers, 0)
}

export const processFaults: readonly FaultCase[] = faults(
  {
    id: 'F6',
    title: 'consumers killed: kill -9 of one of two, again and again',
    hooks: ['processes'],
    onlyFull: true,
    run: consumersAreKilled,
  },
  {
    id: 'F7',
    title: 'zombie: a consumer frozen for longer than its lease settles nothing any more when it goes on',
    hooks: ['processes'],
    run: zombies,
  },
  { id: 'F10', title: 'rolling restart: SIGTERM to one worker after the other under load', hooks: ['processes'], run: rollingRestart },
)
