import assert from 'node:assert/strict'
import { type ExpectedVersion, type IEventStore, isInterlineError, type WireMessage, WrongExpectedVersionError } from '@interline/core'
import { range } from '../contract/events.js'
import { eventStoreTailCases } from './event-store-tail-cases.js'
import { numberOf, storedMessage, storedMessages } from './store-messages.js'
import { collect, type StoreCase, type StoreRoom } from './store-suite.js'

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

async function partsOfAStream(room: Room): Promise<void> {
  const store = await room.store()
  await store.append('s', storedMessages(10))
  const versions = async (options: Parameters<IEventStore['readStream']>[1]): Promise<readonly number[]> =>
    (await collect(store.readStream('s', options))).map(({ version }) => version)
  assert.deepEqual(await versions({ from: 8 }), [8, 9, 10])
  assert.deepEqual(await versions({ to: 2 }), [1, 2])
  assert.deepEqual(await versions({ from: 4, to: 6 }), [4, 5, 6])
  assert.deepEqual(await versions({ limit: 2 }), [1, 2])
  assert.deepEqual(await versions({ backwards: true, limit: 3 }), [10, 9, 8])
  assert.deepEqual(await versions({ backwards: true, from: 3, to: 5 }), [5, 4, 3])
  assert.deepEqual(await versions({ from: 11 }), [])
}

async function longStream(room: Room): Promise<void> {
  const store = await room.store()
  const total = room.count(100_000, 10_000)
  for (let start = 0; start < total; start += 1_000) {
    await store.append(
      'long',
      range(1_000).map((n) => storedMessage(start + n)),
    )
  }
  let expected = 0
  for await (const { version } of (await room.store()).readStream('long')) {
    expected += 1
    assert.equal(version, expected)
  }
  assert.equal(expected, total)
  for await (const { version } of store.readStream('long')) if (version === 5) break
  assert.equal((await collect(store.readStream('long', { from: total - 1 }))).length, 2, 'a reader that left early harms nobody')
}

async function globalOrder(room: Room): Promise<void> {
  const stores = await Promise.all(range(4).map(() => room.store()))
  const perStream = room.count(500, 50)
  await Promise.all(
    stores.map(async (store, index) => {
      for (const n of range(perStream)) await store.append(`stream-${index}`, [storedMessage(n)])
    }),
  )
  const store = stores[0] ?? assert.fail()
  const all = await collect(store.readAll())
  assert.equal(all.length, 4 * perStream)
  for (const index of range(4)) {
    const versions = all.filter(({ stream }) => stream === `stream-${index}`).map(({ version }) => version)
    assert.deepEqual(
      versions,
      range(perStream).map((n) => n + 1),
      'the global order agrees with the order of the stream',
    )
  }
  const half = all[2 * perStream - 1]?.position ?? assert.fail()
  const rest = await collect(store.readAll({ after: half }))
  assert.deepEqual(
    rest.map(({ position }) => position),
    all.slice(2 * perStream).map(({ position }) => position),
    'reading goes on after a position',
  )
  assert.equal((await collect(store.readAll({ limit: 7 }))).length, 7)
  const head = await store.head()
  await store.append('later', [storedMessage(1)])
  assert.deepEqual(
    (await collect(store.readAll({ after: head }))).map(({ stream }) => stream),
    ['later'],
  )
}

async function filters(room: Room): Promise<void> {
  const store = await room.store()
  const of = (n: number, type: string, correlationid: string, tenantid: string, aggregatetype: string): WireMessage =>
    storedMessage(n, { type, attributes: { correlationid, tenantid, aggregatetype } })
  await store.append('a', [of(0, 'A', 'c1', 't1', 'X'), of(1, 'B', 'c1', 't2', 'X'), of(2, 'C', 'c2', 't1', 'Y')])
  await store.append('b', [of(3, 'A', 'c2', 't1', 'Y'), of(4, 'B', 'c1', 't1', 'Y'), storedMessage(5)])
  const found = async (options: Parameters<IEventStore['readAll']>[0]): Promise<readonly number[]> =>
    (await collect(store.readAll(options))).map(({ message }) => numberOf(message))
  assert.deepEqual(await found({ types: ['A', 'C'] }), [0, 2, 3])
  assert.deepEqual(await found({ correlationId: 'c1' }), [0, 1, 4])
  assert.deepEqual(await found({ tenantId: 't1' }), [0, 2, 3, 4])
  assert.deepEqual(await found({ aggregateType: 'Y' }), [2, 3, 4])
  assert.deepEqual(await found({ types: ['A', 'B'], correlationId: 'c1', tenantId: 't1', aggregateType: 'Y' }), [4])
  assert.deepEqual(await found({ types: [] }), [], 'no types, no events')
  assert.deepEqual(await found({ tenantId: 't1', limit: 2 }), [0, 2], 'a limit counts what fits')
  const times = (await collect(store.readAll())).map(({ recordedAt }) => recordedAt)
  const first = Math.min(...times)
  const last = Math.max(...times)
  assert.equal((await found({ since: new Date(first), until: new Date(last + 1) })).length, 6)
  assert.equal((await found({ until: new Date(first) })).length, 0)
  assert.equal((await found({ since: new Date(last + 1) })).length, 0)
}

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

async function badInput(room: Room): Promise<void> {
  const store = await room.store()
  const refuses = async (what: string, call: () => unknown): Promise<void> => {
    await assert.rejects(
      async () => call(),
      (error) => isInterlineError(error) && error.message.length > 20 && error.message.length < 1_000,
      what,
    )
  }
  const [message] = storedMessages(1)
  const one = [message ?? assert.fail()]
  await refuses('an empty name', () => store.append('', one))
  await refuses('a name of 10 kB', () => store.append('x'.repeat(10_240), one))
  await refuses('a name with a line break', () => store.append('a\nb', one))
  await refuses('an event twice', () => store.append('s', [...one, ...one]))
  await refuses('an event without id', () => store.append('s', [storedMessage(0, { attributes: { id: '' } })]))
  for (const expectedVersion of [Number.NaN, -1, 1.5, 'sometimes' as 'any']) {
    await refuses(`expectedVersion ${expectedVersion}`, () => store.append('s', one, { expectedVersion }))
  }
  await refuses('a limit of NaN', () => collect(store.readStream('s', { limit: Number.NaN })))
  await refuses('a negative limit', () => collect(store.readAll({ limit: -1 })))
  await refuses('an invalid date', () => collect(store.readAll({ since: new Date(Number.NaN) })))
  await refuses('a position of no store', () => collect(store.readAll({ after: `'; DROP TABLE events; --` })))
  assert.deepEqual(await collect(store.readAll()), [], 'nothing was written')
  const hostile = ['__proto__', 'constructor', '../../etc/passwd', '*', '{a}:b', `'; DROP TABLE events; --`, 'a:b:c', ' ', '%00', '🦊']
  for (const [n, name] of hostile.entries())
    await store.append(name, [storedMessage(n, { data: `{"__proto__":{"polluted":true},"n":${n}}` })])
  for (const [n, name] of hostile.entries()) {
    const recorded = await collect(store.readStream(name))
    assert.deepEqual(
      recorded.map(({ message: { data }, stream }) => ({ data, stream })),
      [{ data: `{"__proto__":{"polluted":true},"n":${n}}`, stream: name }],
      `the stream named ${JSON.stringify(name)}`,
    )
  }
  assert.equal((await collect(store.readAll())).length, hostile.length)
  assert.equal(({} as { readonly polluted?: unknown }).polluted, undefined)
}

export const eventStoreCases: readonly StoreCase<IEventStore>[] = [
  { id: 'S01', title: 'append and read back: stream, version, position, time, metadata and data of every kind', run: readBack },
  { id: 'S02', title: 'expectedVersion: a conflict says expected and actual, and appends nothing', run: expectedVersions },
  { id: 'S03', title: '32 writers on one stream: versions without gap or repeat, and nothing is missing', run: manyWriters },
  { id: 'S04', title: 'the same event ids again give the first result, others a conflict', run: sameEventsAgain },
  { id: 'S05', title: 'readStream: from, to, limit, backwards', run: partsOfAStream },
  { id: 'S05', title: 'readStream: a long stream is iterated', run: longStream },
  { id: 'S06', title: 'readAll: the global order agrees with the order of each stream', run: globalOrder },
  { id: 'S08', title: 'filters: types, correlationId, aggregate type, time span, tenant, and combined', run: filters },
  { id: 'S10', title: 'deleteStream: gone from reads, a tombstone for readers of all, no version used twice', run: deletion },
  ...eventStoreTailCases,
  { id: 'S15', title: 'bad input: clear errors, and nothing written', run: badInput },
]
