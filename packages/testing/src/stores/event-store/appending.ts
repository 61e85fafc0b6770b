import assert from 'node:assert/strict'
import { type ExpectedVersion, type IEventStore, type WireMessage, WrongExpectedVersionError } from '@interline/core'
import { range } from '../../contract/events.js'
import { numberOf, storedMessage, storedMessages } from '../store-messages.js'
import { collect, type StoreCase, type StoreRoom } from '../store-suite.js'

type Room = StoreRoom<IEventStore>

async function readBack(room: Room): Promise<void> {
  const store = await room.store()
  const before = Date.now() - 60_000
  const messages = [
    storedMessage(0, { data: JSON.stringify({ text: 'Zażółć 漢字 👩‍👩‍👧 \u0000' }), attributes: { correlationid: 'correlation ä' } }),
    storedMessage(1, { data: Uint8Array.from(range(256)) }),
    storedMessage(2, { data: JSON.stringify('x'.repeat(1_048_576)) }),
  ]
  const first = await store.append('things:ä 1', messages.slice(0, 1))
  const { version, position } = await store.append('things:ä 1', messages.slice(1))
  assert.equal(first.version, 1)
  assert.equal(version, 3)
  const recorded = await collect((await room.store()).readStream('things:ä 1'))
  assert.deepEqual(
    recorded.map((event) => event.version),
    [1, 2, 3],
  )
  assert.equal(recorded[2]?.position, position)
  for (const [index, event] of recorded.entries()) {
    const message = messages[index] ?? assert.fail()
    assert.equal(event.stream, 'things:ä 1')
    assert.deepEqual({ ...event.message.attributes }, { ...message.attributes })
    const { destination, topic, key } = event.message
    assert.deepEqual({ destination, topic, key }, { destination: 'stored', topic: 'stored.things', key: 'one' })
    assert.deepEqual(Buffer.from(event.message.data as string), Buffer.from(message.data as string), 'the data, byte by byte')
    assert.equal(typeof event.message.data, typeof message.data)
    assert.ok(event.recordedAt > before && event.recordedAt < Date.now() + 60_000)
    assert.equal(event.forward, true)
  }
  assert.deepEqual(await collect(store.readStream('nothing-here')), [], 'an unknown stream is empty')
}

async function expectedVersions(room: Room): Promise<void> {
  const store = await room.store()
  const append = async (expectedVersion: ExpectedVersion): Promise<number> =>
    (await store.append('s', [storedMessage(0)], { expectedVersion })).version
  const conflicts = async (expectedVersion: ExpectedVersion, actual: number): Promise<void> => {
    await assert.rejects(
      () => append(expectedVersion),
      (error) =>
        error instanceof WrongExpectedVersionError && error.stream === 's' && error.expected === expectedVersion && error.actual === actual,
    )
  }
  await conflicts('stream-exists', 0)
  await conflicts(1, 0)
  assert.equal(await append('no-stream'), 1)
  await conflicts('no-stream', 1)
  await conflicts(0, 1)
  assert.equal(await append(1), 2)
  assert.equal(await append('stream-exists'), 3)
  assert.equal(await append('any'), 4)
  await conflicts(3, 4)
  await conflicts(5, 4)
  assert.equal((await store.append('other', [storedMessage(0)], { expectedVersion: 0 })).version, 1, '0 is a stream without events')
  assert.equal((await collect(store.readStream('s'))).length, 4, 'a conflict appends nothing')
}

async function manyWriters(room: Room): Promise<void> {
  const writers = await Promise.all(range(4).map(() => room.store()))
  const total = room.count(1_000, 200)
  let next = 0
  await Promise.all(
    range(32).map(async (index) => {
      const store = writers[index % writers.length] ?? assert.fail()
      let known = 0
      while (next < total) {
        const message = storedMessage(next++)
        known = await appendWithRetry(store, message, known)
      }
    }),
  )
  const recorded = await collect((await room.store()).readStream('contended'))
  assert.deepEqual(
    recorded.map(({ version }) => version),
    range(total).map((index) => index + 1),
    'versions without gap or repeat',
  )
  assert.deepEqual(
    recorded.map(({ message }) => numberOf(message)).sort((left, right) => left - right),
    range(total),
    'the events of every writer',
  )
}

async function appendWithRetry(store: IEventStore, message: WireMessage, known: number): Promise<number> {
  for (let expectedVersion = known; ; ) {
    try {
      return (await store.append('contended', [message], { expectedVersion })).version
    } catch (error) {
      if (!(error instanceof WrongExpectedVersionError)) throw error
      expectedVersion = error.actual
    }
  }
}

async function sameEventsAgain(room: Room): Promise<void> {
  const store = await room.store()
  const messages = storedMessages(3)
  await store.append('s', [storedMessage(9)])
  const first = await store.append('s', messages, { expectedVersion: 1 })
  await store.append('s', [storedMessage(10)])
  assert.deepEqual(await store.append('s', messages, { expectedVersion: 1 }), first, 'the first result')
  await assert.rejects(
    async () => store.append('s', storedMessages(3), { expectedVersion: 1 }),
    (error) => error instanceof WrongExpectedVersionError && error.actual === 5,
  )
  assert.equal((await collect(store.readStream('s'))).length, 5)
}

async function againInOtherWords(room: Room): Promise<void> {
  const store = await room.store()
  const born = storedMessages(2)
  const birth = await store.append('s', born, { expectedVersion: 'no-stream' })
  const given = storedMessages(3)
  const first = await store.append('s', given, { expectedVersion: 2 })
  await store.append('s', storedMessages(1))
  for (const expectedVersion of ['no-stream', 0, 'any'] as const)
    assert.deepEqual(await store.append('s', born, { expectedVersion }), birth, `the birth again, ${expectedVersion}`)
  for (const expectedVersion of [2, 'any', 'stream-exists'] as const)
    assert.deepEqual(await store.append('s', given, { expectedVersion }), first, `the same again, ${expectedVersion}`)
  await assert.rejects(
    async () => store.append('s', given, { expectedVersion: 3 }),
    (error) => error instanceof WrongExpectedVersionError && error.expected === 3 && error.actual === 6,
  )
  assert.equal((await collect(store.readAll())).length, 6, 'each is there once')
}

async function oneOfMany(room: Room): Promise<void> {
  const store = await room.store()
  const results = await Promise.allSettled(storedMessages(20).map(async (message) => store.append('s', [message], { expectedVersion: 0 })))
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  assert.equal((await collect(store.readStream('s'))).length, 1)
}

export const appendingCases: readonly StoreCase<IEventStore>[] = [
  { id: 'S01', title: 'append and read back: stream, version, position, time, metadata and data of every kind', run: readBack },
  { id: 'S02', title: 'expectedVersion: a conflict says expected and actual, and appends nothing', run: expectedVersions },
  { id: 'S02', title: 'of concurrent appends to one version exactly one wins', run: oneOfMany },
  { id: 'S03', title: '32 writers on one stream: versions without gap or repeat, and nothing is missing', run: manyWriters },
  { id: 'S04', title: 'the same event ids again give the first result, others a conflict', run: sameEventsAgain },
  { id: 'S04', title: 'the same event ids again give the first result under every expected version that held', run: againInOtherWords },
]
