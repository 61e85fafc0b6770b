import assert from 'node:assert/strict'
import { type IEventStore, noteName, WrongExpectedVersionError } from '@interline/core'
import { range } from '../../contract/events.js'
import { numberOf, storedMessage, storedMessages } from '../store-messages.js'
import { collect, type Retaining, type StoreCase, type StoreRoom } from '../store-suite.js'

type Room = StoreRoom<IEventStore>

async function deletion(room: Room): Promise<void> {
  const store = await room.store()
  await store.append('gone', storedMessages(3))
  await store.append('stays', storedMessages(2))
  const head = await store.head()
  await assert.rejects(
    async () => store.deleteStream('gone', { expectedVersion: 2 }),
    (error) => error instanceof WrongExpectedVersionError,
  )
  assert.equal(await store.deleteStream('gone'), true)
  assert.equal(await store.deleteStream('gone'), false, 'it is not there any more')
  assert.equal(await store.deleteStream('never-there'), false)
  assert.deepEqual(await collect(store.readStream('gone')), [])
  const all = await collect(store.readAll())
  assert.equal(all.filter(({ message }) => message.attributes.type === 'interline.test.Stored').length, 2, 'gone from reads of all')
  const after = await collect(store.readAll({ after: head }))
  assert.deepEqual(
    after.map(({ stream, forward }) => ({ stream, forward })),
    [{ stream: 'gone', forward: false }],
    'a tombstone tells readers of all',
  )
  const { version } = await store.append('gone', [storedMessage(9)], { expectedVersion: 'no-stream' })
  assert.equal(version, 4, 'no version is used twice')
  assert.deepEqual(
    (await collect(store.readStream('gone'))).map(({ message }) => numberOf(message)),
    [9],
  )
}

async function retention(room: Room): Promise<void> {
  const store = await room.retaining({ maxEvents: 10 })
  const retain = async (): Promise<void> => void (await store.applyRetention?.())
  const kept = async (): Promise<readonly number[]> => (await collect(store.readAll())).map(({ version }) => version)
  const start = await store.head()
  // No reader, and so nothing is kept for it.
  await store.checkpoints.save(noteName('reader'), '{"paused":true}', undefined)
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

async function deletionOfALongStream(room: Room): Promise<void> {
  const store = await room.store()
  const old = storedMessages(250, { attributes: { correlationid: 'c' } })
  await store.append('s', old)
  assert.equal(await store.deleteStream('s', { expectedVersion: 250 }), true)
  assert.deepEqual(await collect(store.readAll({ correlationId: 'c' })), [], 'gone from what has its correlation')
  assert.equal((await store.append('s', old.slice(0, 2), { expectedVersion: 0 })).version, 2, 'an expected 0 begins at version 1 again')
  assert.equal((await collect(store.readAll({ correlationId: 'c' }))).length, 2)
  assert.equal(await store.deleteStream('s'), true)
  assert.deepEqual(
    (await collect(store.readAll())).map(({ stream, version, forward }) => [stream, version, forward]),
    [
      ['s', 250, false],
      ['s', 2, false],
    ],
    'a tombstone of each, and nothing else',
  )
}

async function keepsEverything(room: Room): Promise<void> {
  const store: IEventStore & Retaining = await room.store()
  await store.append('s', storedMessages(10))
  await store.applyRetention?.()
  assert.equal((await collect(store.readAll())).length, 10)
}

async function oldestOverStreams(room: Room): Promise<void> {
  const store = await room.retaining({ maxEvents: 250 })
  for (let part = 0; part < 4; part++) {
    for (const stream of ['a', 'b']) await store.append(stream, storedMessages(50, { attributes: { correlationid: 'c' } }))
  }
  const newest = range(250).map((n) => [Math.floor((n + 150) / 50) % 2 === 0 ? 'a' : 'b', Math.floor((n + 150) / 100) * 50 + (n % 50) + 1])
  // The second pass finds nothing more to give up.
  for (let pass = 0; pass < 2; pass++) {
    await store.applyRetention?.()
    for (const options of [{}, { correlationId: 'c' }]) {
      const kept = await collect(store.readAll(options))
      assert.deepEqual(
        kept.map(({ stream, version }) => [stream, version]),
        newest,
        'the oldest go, over all streams, from everywhere',
      )
    }
    const versions = async (stream: string): Promise<readonly number[]> =>
      (await collect(store.readStream(stream))).map(({ version }) => version)
    assert.deepEqual(
      await versions('a'),
      range(100).map((n) => n + 101),
    )
    assert.deepEqual(
      await versions('b'),
      range(150).map((n) => n + 51),
    )
  }
}

async function versionsGoOn(room: Room): Promise<void> {
  const store = await room.retaining({ maxEvents: 1 })
  await store.append('s', storedMessages(5))
  await store.append('t', storedMessages(1))
  await store.applyRetention?.()
  assert.deepEqual(await collect(store.readStream('s')), [])
  await assert.rejects(
    async () => store.append('s', storedMessages(1), { expectedVersion: 0 }),
    (error) => error instanceof WrongExpectedVersionError && error.actual === 5,
  )
  assert.equal((await store.append('s', storedMessages(1), { expectedVersion: 5 })).version, 6)
}

async function unreadWhereTold(room: Room): Promise<void> {
  const store = await room.retaining({ maxEvents: 2, unread: 'remove' })
  const start = await store.head()
  await store.checkpoints.save('slow', start, undefined)
  await store.append('s', storedMessages(10))
  await store.applyRetention?.()
  assert.deepEqual(
    (await collect(store.readAll())).map(({ version }) => version),
    [9, 10],
  )
}

export const keepingCases: readonly StoreCase<IEventStore>[] = [
  { id: 'S10', title: 'deleteStream: gone from reads, a tombstone for readers of all, no version used twice', run: deletion },
  {
    id: 'S10',
    title: 'a deleted stream leaves its tombstone alone, and begins anew only where an expected 0 asks for it',
    run: deletionOfALongStream,
  },
  { id: 'S11', title: 'everything is kept where nothing else was said', run: keepsEverything },
  { id: 'S11', title: 'retention by count never removes what a reader with a checkpoint has not read', run: retention },
  { id: 'S11', title: 'retention by count gives up the oldest events over all streams', run: oldestOverStreams },
  { id: 'S11', title: 'versions go on counting after a stream was given up whole', run: versionsGoOn },
  { id: 'S11', title: 'retention removes what nobody has read where it is told to', run: unreadWhereTold },
]
