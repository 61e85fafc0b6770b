import assert from 'node:assert/strict'
import { follow, type IEventStore, type RecordedEvent } from '@interline/core'
import { range } from '../contract/events.js'
import { waitFor } from '../waiting/wait-for.js'
import { numberOf, storedMessage, storedMessages } from './store-messages.js'
import { collect, type StoreCase, type StoreRoom } from './store-suite.js'

type Room = StoreRoom<IEventStore>

async function tailing(room: Room): Promise<void> {
  const stores = await Promise.all(range(4).map(() => room.store()))
  const reader = await room.store()
  const writers = 16
  const perWriter = room.count(500, 40)
  let running = true
  const seen: RecordedEvent[] = []
  const tail = (async () => {
    for (let last = false; !last; ) {
      last = !running
      for await (const event of reader.readAll({ after: seen.at(-1)?.position, limit: 100 })) seen.push(event)
    }
    for await (const event of reader.readAll({ after: seen.at(-1)?.position })) seen.push(event)
  })()
  try {
    await Promise.all(
      range(writers).map(async (writer) => {
        const store = stores[writer % stores.length] ?? assert.fail()
        for (const n of range(perWriter)) {
          const events = range(1 + (n % 3)).map(() => storedMessage(writer))
          await store.append(`stream-${(writer + n) % 7}`, events)
        }
      }),
    )
  } finally {
    running = false
    await tail
  }
  const all = await collect(reader.readAll())
  assert.deepEqual(
    seen.map(({ position }) => position),
    all.map(({ position }) => position),
    'the tail saw every event once, in order, none skipped',
  )
  const versions = new Map<string, number>()
  for (const { stream, version } of seen) {
    assert.equal(version, (versions.get(stream) ?? 0) + 1, 'the order of all agrees with the order of each stream')
    versions.set(stream, version)
  }
  assert.equal(seen.length, writers * range(perWriter).reduce((sum, n) => sum + 1 + (n % 3), 0))
}

async function asOf(room: Room): Promise<void> {
  const store = await room.store()
  for (const n of range(20)) {
    const { version } = await store.append('account', [storedMessage(n)])
    assert.equal(version, n + 1)
    // The state as of a time needs two times.
    if (n === 9) await laterThan(await collect(store.readStream('account', { from: 10 })))
  }
  const recorded = await collect(store.readStream('account'))
  const fold = (events: readonly RecordedEvent[]): number => events.reduce((sum, { message }) => sum + numberOf(message), 0)
  for (const to of [1, 7, 20]) {
    assert.equal(fold(await collect(store.readStream('account', { to }))), fold(recorded.slice(0, to)), `the state at version ${to}`)
  }
  for (const { recordedAt } of [recorded[9], recorded[19]].map((event) => event ?? assert.fail())) {
    const until = await collect(store.readAll({ until: new Date(recordedAt + 1) }))
    assert.equal(fold(until), fold(recorded.filter((event) => event.recordedAt <= recordedAt)), `the state at ${recordedAt}`)
  }
}

async function laterThan([event]: readonly RecordedEvent[]): Promise<void> {
  await waitFor(() => Date.now() > (event?.recordedAt ?? 0) + 1, { what: 'the clock to move on' })
}

async function checkpoints(room: Room): Promise<void> {
  const [mine, theirs] = [await room.store(), await room.store()]
  assert.equal(await mine.checkpoints.load('reader'), undefined)
  assert.equal(await mine.checkpoints.save('reader', '1', undefined), true)
  assert.equal(await theirs.checkpoints.save('reader', '2', undefined), false, 'it is there already')
  assert.equal(await theirs.checkpoints.save('reader', '2', '5'), false, 'it is not where it was expected')
  assert.equal(await theirs.checkpoints.save('reader', '2', '1'), true)
  assert.equal(await mine.checkpoints.load('reader'), '2')
  assert.equal(await mine.checkpoints.load('another'), undefined)
  await mine.checkpoints.remove('reader')
  assert.equal(await theirs.checkpoints.load('reader'), undefined)
}

/** Two processors under one lease; the one that holds it dies, and its work so far is not done again. */
async function oneProcessor(room: Room): Promise<void> {
  const stores = [await room.store(), await room.store()]
  const total = 60
  for (const n of range(total)) await (stores[0] ?? assert.fail()).append('work', [storedMessage(n)])
  const done: number[] = []
  const process = async (store: IEventStore, owner: string, dieAfter: number): Promise<void> => {
    let lease: Awaited<ReturnType<IEventStore['leases']['acquire']>>
    await waitFor(async () => (lease = await store.leases.acquire('processor', owner, { durationMs: 200 })) !== undefined, {
      what: `the lease of ${owner}`,
      limitMs: room.limits.gapMs,
    })
    let after = await store.checkpoints.load('processor')
    for (let handled = 0; ; ) {
      const [event] = await collect(store.readAll({ after, limit: 1 }))
      if (event === undefined) break
      if (handled++ === dieAfter || lease === undefined || !(await store.leases.renew(lease, { durationMs: 200 }))) return
      if (!(await store.checkpoints.save('processor', event.position, after))) return
      done.push(numberOf(event.message))
      after = event.position
    }
    if (lease !== undefined) await store.leases.release(lease)
  }
  await Promise.all(stores.map((store, index) => process(store, `owner-${index}`, index === 0 ? 25 : Number.POSITIVE_INFINITY)))
  for (let owner = 0; done.length < total && owner < 20; owner++)
    await process(stores[1] ?? assert.fail(), `late-${owner}`, Number.POSITIVE_INFINITY)
  assert.deepEqual(done, range(total), 'each once, in order')
}

async function retention(room: Room): Promise<void> {
  const store = await room.retaining(10)
  const retain = async (): Promise<void> => void (await store.applyRetention?.())
  const kept = async (): Promise<readonly number[]> => (await collect(store.readAll())).map(({ version }) => version)
  const start = await store.head()
  await store.checkpoints.save('slow', start, undefined)
  await store.append('s', storedMessages(20))
  await retain()
  const positions = (await collect(store.readAll())).map(({ position }) => position)
  assert.equal(positions.length, 20, 'what the slowest reader has not read stays')
  await store.checkpoints.save('slow', positions[4] ?? assert.fail(), start)
  await retain()
  assert.deepEqual(
    await kept(),
    range(15).map((n) => n + 6),
    'what it has read goes',
  )
  await store.checkpoints.save('slow', positions[19] ?? assert.fail(), positions[4])
  await retain()
  assert.deepEqual(
    await kept(),
    range(10).map((n) => n + 11),
    'the newest are kept',
  )
  assert.equal((await store.append('s', storedMessages(1), { expectedVersion: 20 })).version, 21, 'versions go on counting')
}

async function following(room: Room): Promise<void> {
  const [reader, writer] = [await room.store(), await room.store()]
  await writer.append('s', storedMessages(3))
  const controller = new AbortController()
  const seen: number[] = []
  const reading = (async () => {
    for await (const { version } of follow(reader, { pollMs: 50, signal: controller.signal })) seen.push(version)
  })()
  await waitFor(() => seen.length === 3, { what: 'what was there', limitMs: room.limits.gapMs })
  await writer.append('s', storedMessages(2))
  await waitFor(() => seen.length === 5, { what: 'what came afterwards', limitMs: room.limits.gapMs })
  controller.abort()
  await reading
  assert.deepEqual(seen, [1, 2, 3, 4, 5])
}

export const eventStoreTailCases: readonly StoreCase<IEventStore>[] = [
  { id: 'S07', title: 'a tail beside 16 writers sees every event once, in order, none skipped', run: tailing },
  { id: 'S07', title: 'following: what is there, then what comes, until it is told to stop', run: following },
  { id: 'S09', title: 'as of a version or time: the state is a fold up to there', run: asOf },
  { id: 'S11', title: 'retention by count never removes what a reader with a checkpoint has not read', run: retention },
  { id: 'S13', title: 'checkpoints: compare and set', run: checkpoints },
  { id: 'S13', title: 'two processors under one lease, one dies: nothing is done twice', run: oneProcessor },
]
